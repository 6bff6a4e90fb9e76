import { useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect } from "react";

import type { DirectoryPart } from "../api/types";
import type { Action } from "../store/actions";
import { observe } from "../store/store";

/** Refetches queries when an event announces a change of their data, and after a new snapshot. */
export function useRefetch(key: QueryKey, what: DirectoryPart): void {
  const queries = useQueryClient();
  useEffect(
    () =>
      observe(({ actions }) => {
        if (actions.some((action) => concerns(action, what))) void queries.invalidateQueries({ queryKey: key });
      }),
    [queries, key, what],
  );
}

function concerns(action: Action, what: DirectoryPart): boolean {
  if (action.type === "inbox") return true;
  if (action.type !== "event") return false;
  const { event } = action;
  return (event.type === "directory_updated" && event.what === what) || (event.type === "stay_updated" && what === "stays");
}
