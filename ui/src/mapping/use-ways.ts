import { useQuery } from "@tanstack/react-query";
import type { FieldTripView, TwoWay } from "@/api/bindings";
import { query } from "@/api/queries";
import { useEditor } from "./store";

/** How the fields of a two-way sync come back; nothing where changes flow one way. */
export function useWays(): {
  twoWay: TwoWay | null;
  names: { source: string; target: string };
  trips: readonly FieldTripView[];
  samples: number;
} {
  const { detail, syncId } = useEditor();
  const twoWay = detail.two_way ?? null;
  const { data } = useQuery({
    ...query("check_round_trip", { sync: syncId }),
    enabled: twoWay !== null,
    retry: false,
  });
  return {
    twoWay,
    names: {
      source: detail.summary.source.connection_name,
      target: detail.summary.target.connection_name,
    },
    trips: data?.fields ?? [],
    samples: data?.samples ?? 0,
  };
}
