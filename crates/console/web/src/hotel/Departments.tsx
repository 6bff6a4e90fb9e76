import { Plus } from "lucide-react";

import { useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { RowButton } from "../records/RowButton";
import { useOffline } from "../records/useOffline";
import { useOpened } from "../records/useOpened";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Table } from "../ui/Table";
import { DepartmentDialog } from "./DepartmentDialog";
import { defaultDepartmentOf } from "../store/departments";
import styles from "./hotel.module.css";
import { useDepartments, useStaff } from "./queries";

/** The table of departments, inactive ones last. */
export function Departments() {
  const t = useT();
  const query = useDepartments();
  const staff = useStaff().data ?? [];
  const hotel = useStore((state) => state.directory.hotel);
  const isOffline = useOffline();
  const departments = (query.data ?? []).toSorted(
    (a, b) => Number(b.active) - Number(a.active) || a.name.localeCompare(b.name),
  );
  const opened = useOpened(departments);
  const defaultId = defaultDepartmentOf(hotel, departments);

  return (
    <div className={styles["list"]}>
      <div className={styles["bar"]}>
        <p className={styles["hint"]}>{t("people.departments_hint")}</p>
        <Button variant="primary" isDisabled={isOffline} onPress={opened.add}>
          <Plus size={16} aria-hidden />
          {t("people.add_department")}
        </Button>
      </div>
      <ListState query={query} isEmpty={departments.length === 0} empty={t("people.departments_empty")}>
        <Table label={t("people.departments")} columns={[t("people.name"), t("people.members"), t("hours.target_column"), t("people.stays")]}>
          {departments.map((each) => (
            <tr key={each.id} className={each.active ? undefined : styles["inactive"]}>
              <th scope="row">
                <RowButton onPress={() => opened.open(each)}>{each.name}</RowButton>
                {each.id === defaultId && <span className={styles["second"]}>{t("people.default_department")}</span>}
                {!each.active && <span className={styles["second"]}>{t("people.deactivated")}</span>}
              </th>
              <td>{staff.filter(({ active, department_ids }) => active && department_ids.includes(each.id)).length}</td>
              <td>{each.first_response_minutes !== null && t("hours.target_minutes", { minutes: each.first_response_minutes })}</td>
              <td>{each.handles_stays && t("people.handles_stays_short")}</td>
            </tr>
          ))}
        </Table>
      </ListState>
      {opened.isOpen && (
        <DepartmentDialog
          key={opened.key}
          department={opened.record}
          departments={departments}
          isDefault={opened.record?.id === defaultId}
          onClose={opened.close}
        />
      )}
    </div>
  );
}
