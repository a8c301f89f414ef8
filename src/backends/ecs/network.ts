import type { World } from "../../backend.ts";
import { clientSettings, perRegion } from "./clients.ts";

/** Reads the subnets of a region's first default VPC; undefined if there is none. */
export type DefaultSubnets = (region: string) => Promise<readonly string[] | undefined>;

/** Looks the subnets up in EC2, by two calls. */
export function defaultSubnets(env: World["env"]): DefaultSubnets {
  const open = perRegion(async (region) => {
    const sdk = await import("@aws-sdk/client-ec2");
    return { sdk, client: new sdk.EC2Client(clientSettings(env, "EC2", region)) };
  });
  return async (region) => {
    const { sdk, client } = await open(region);
    const isDefault = [{ Name: "isDefault", Values: ["true"] }];
    const { Vpcs = [] } = await client.send(new sdk.DescribeVpcsCommand({ Filters: isDefault }));
    const id = Vpcs[0]?.VpcId;
    if (id === undefined) return undefined;
    const inVpc = [{ Name: "vpc-id", Values: [id] }];
    const { Subnets = [] } = await client.send(new sdk.DescribeSubnetsCommand({ Filters: inVpc }));
    return Subnets.flatMap(({ SubnetId }) => (SubnetId === undefined ? [] : [SubnetId]));
  };
}
