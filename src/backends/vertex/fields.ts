/** How the value of a field is written. */
export type Field =
  | { readonly type: "text" | "whole" | "flag" | "duration" | "labels" }
  | { readonly type: "choice"; readonly names: readonly string[] }
  | { readonly type: "list"; readonly of: Field }
  | { readonly type: "message"; readonly fields: Fields };

/** The fields of a message, under their names in snake_case. */
export type Fields = Readonly<Record<string, Field>>;

const text: Field = { type: "text" };
const whole: Field = { type: "whole" };
const flag: Field = { type: "flag" };
const duration: Field = { type: "duration" };
const list = (of: Field): Field => ({ type: "list", of });
const message = (fields: Fields): Field => ({ type: "message", fields });
const choice = (names: string): Field => ({ type: "choice", names: names.split(" ") });

const env = list(message({ name: text, value: text }));

const machineSpec = message({
  machine_type: text,
  accelerator_type: choice(
    "ACCELERATOR_TYPE_UNSPECIFIED NVIDIA_TESLA_K80 NVIDIA_TESLA_P100 NVIDIA_TESLA_V100 " +
      "NVIDIA_TESLA_P4 NVIDIA_TESLA_T4 NVIDIA_TESLA_A100 NVIDIA_A100_80GB NVIDIA_L4 " +
      "NVIDIA_H100_80GB NVIDIA_H100_MEGA_80GB NVIDIA_H200_141GB NVIDIA_B200 NVIDIA_GB200 " +
      "NVIDIA_RTX_PRO_6000 TPU_V2 TPU_V3 TPU_V4_POD TPU_V5_LITEPOD",
  ),
  accelerator_count: whole,
  gpu_partition_size: text,
  tpu_topology: text,
  reservation_affinity: message({
    reservation_affinity_type: choice(
      "TYPE_UNSPECIFIED NO_RESERVATION ANY_RESERVATION SPECIFIC_RESERVATION",
    ),
    key: text,
    values: list(text),
  }),
});

/** A worker pool. */
export const WORKER_POOL: Fields = {
  machine_spec: machineSpec,
  replica_count: whole,
  container_spec: message({ image_uri: text, command: list(text), args: list(text), env }),
  python_package_spec: message({
    executor_image_uri: text,
    package_uris: list(text),
    python_module: text,
    args: list(text),
    env,
  }),
  nfs_mounts: list(message({ server: text, path: text, mount_point: text })),
  lustre_mounts: list(
    message({ instance_ip: text, volume_handle: text, filesystem: text, mount_point: text }),
  ),
  disk_spec: message({ boot_disk_type: text, boot_disk_size_gb: whole }),
};

/** How a job is scheduled. */
export const SCHEDULING: Fields = {
  timeout: duration,
  restart_job_on_worker_restart: flag,
  strategy: choice("STRATEGY_UNSPECIFIED ON_DEMAND LOW_COST STANDARD SPOT FLEX_START"),
  disable_retries: flag,
  max_wait_duration: duration,
};

/**
 * The part of a CustomJob that Sluice sends. Google's client drops whatever it does not know without a
 * word, unknown names of an accelerator included, so a job is checked against this table beforehand.
 */
export const CUSTOM_JOB: Fields = {
  display_name: text,
  job_spec: message({
    worker_pool_specs: list(message(WORKER_POOL)),
    scheduling: message(SCHEDULING),
    service_account: text,
    network: text,
  }),
  labels: { type: "labels" },
};
