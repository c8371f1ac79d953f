import { useParams } from "@tanstack/react-router";
import { MappingEditor } from "@/mapping/MappingEditor";

/** The address of a sync opens its mapping. */
export function MappingScreen() {
  const { sync } = useParams({ from: "/syncs/$sync" });
  return <MappingEditor key={sync} syncId={sync} />;
}
