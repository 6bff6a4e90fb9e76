import { useQuery } from "@tanstack/react-query";

import { listDepartments, listStaff, listTemplates } from "../api/hotel-calls";
import { useRefetch } from "../records/useRefetch";

const STAFF = ["staff"];
const DEPARTMENTS = ["departments", "all"];
const TEMPLATES = ["templates"];

export function useStaff() {
  useRefetch(STAFF, "staff");
  return useQuery({ queryKey: STAFF, queryFn: () => listStaff() });
}

/** All departments, also the inactive ones. */
export function useDepartments() {
  useRefetch(DEPARTMENTS, "departments");
  return useQuery({ queryKey: DEPARTMENTS, queryFn: () => listDepartments({ inactive: true }) });
}

export function useTemplates() {
  useRefetch(TEMPLATES, "templates");
  return useQuery({ queryKey: TEMPLATES, queryFn: () => listTemplates() });
}
