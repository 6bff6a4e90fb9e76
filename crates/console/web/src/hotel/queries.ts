import { useQuery } from "@tanstack/react-query";

import { listApiKeys, listDepartments, listStaff, listTemplates } from "../api/hotel-calls";
import { useRefetch } from "../records/useRefetch";

const STAFF = ["staff"];
const DEPARTMENTS = ["departments", "all"];
const TEMPLATES = ["templates"];

export function useStaff() {
  useRefetch(STAFF, "staff");
  return useQuery({ queryKey: STAFF, queryFn: () => listStaff() });
}

/** Fetches all departments, including inactive ones. */
export function useDepartments() {
  useRefetch(DEPARTMENTS, "departments");
  return useQuery({ queryKey: DEPARTMENTS, queryFn: () => listDepartments({ inactive: true }) });
}

export function useTemplates() {
  useRefetch(TEMPLATES, "templates");
  return useQuery({ queryKey: TEMPLATES, queryFn: () => listTemplates() });
}

/** No event announces changed API keys, so each change invalidates this query. */
export const API_KEYS = ["api_keys"];

export function useApiKeys() {
  return useQuery({ queryKey: API_KEYS, queryFn: () => listApiKeys() });
}
