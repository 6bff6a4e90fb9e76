import { useSearchParams } from "wouter";

import { useT } from "../i18n/i18n";
import { Page } from "../records/Page";
import { Tabs } from "../ui/Tabs";
import { Departments } from "./Departments";
import { Staff } from "./Staff";

/** The screen with the staff and the departments of the hotel. */
export default function PeopleScreen() {
  const t = useT();
  const [parameters, setParameters] = useSearchParams();
  return (
    <Page title={t("people.title")}>
      <Tabs
        label={t("people.title")}
        selected={parameters.get("show") === "departments" ? "departments" : "staff"}
        onSelect={(id) => setParameters(id === "departments" ? { show: id } : {}, { replace: true })}
        tabs={[
          { id: "staff", name: t("people.staff"), panel: <Staff /> },
          { id: "departments", name: t("people.departments"), panel: <Departments /> },
        ]}
      />
    </Page>
  );
}
