import { ArrowDown, ArrowUp, GripVertical, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import type { Department } from "../api/types";
import { useT } from "../i18n/i18n";
import { moved } from "../records/changes";
import { isolate } from "../ui/Bidi";
import { IconButton } from "../ui/IconButton";
import { Select } from "../ui/Select";
import styles from "./hotel.module.css";
import { useDragOrder } from "./useDragOrder";

interface OrderedDepartmentsProps {
  departments: readonly Department[];
  /** Ordered ids; the first is the default department. */
  value: readonly number[];
  onChange: (ids: readonly number[]) => void;
  errors: readonly string[] | undefined;
}

/** The field for the departments of a staff member and their order. */
export function OrderedDepartments({ departments, value, onChange, errors }: OrderedDepartmentsProps) {
  const t = useT();
  const list = useRef<HTMLOListElement>(null);
  const [focused, setFocused] = useState<{ readonly id: number; readonly button: "up" | "down" } | null>(null);
  const { dragged, start } = useDragOrder(list, value, onChange);
  const others = departments.filter(({ id, active }) => active && !value.includes(id));

  // A pressed button loses the focus when its row moves, and is disabled at the end of the list: focus it or its
  // neighbour.
  useEffect(() => {
    if (focused === null) return;
    const row = list.current?.querySelector(`[data-department="${focused.id}"]`);
    const button = row?.querySelector<HTMLElement>(`[data-move="${focused.button}"]:not(:disabled)`);
    (button ?? row?.querySelector<HTMLElement>("[data-move]:not(:disabled)"))?.focus();
  }, [focused]);

  function move(index: number, id: number, step: 1 | -1) {
    onChange(moved(value, index, step));
    setFocused({ id, button: step === 1 ? "down" : "up" });
  }

  return (
    <fieldset className={styles["group"]}>
      <legend className={styles["legend"]}>{t("people.departments")}</legend>
      {value.length > 0 && (
        <ol ref={list} className={styles["order"]}>
          {value.map((id, index) => {
            const name = departments.find((each) => each.id === id)?.name ?? String(id);
            return (
              <li key={id} data-department={id} className={`${styles["orderItem"]} ${id === dragged ? styles["dragged"] : ""}`.trim()}>
                {value.length > 1 && (
                  // For pointers only; the buttons do the same by keyboard.
                  <span
                    aria-hidden
                    className={styles["handle"]}
                    data-handle
                    title={t("people.drag", { name: isolate(name) })}
                    onPointerDown={(event) => start(id, event)}
                  >
                    <GripVertical size={16} />
                  </span>
                )}
                <span className={styles["orderName"]}>
                  <bdi>{name}</bdi> {index === 0 && value.length > 1 && <span className={styles["mark"]}>{t("people.default")}</span>}
                </span>
                {value.length > 1 && (
                  <>
                    <IconButton
                      small
                      label={t("people.move_up", { name: isolate(name) })}
                      icon={<ArrowUp size={16} aria-hidden />}
                      isDisabled={index === 0}
                      data-move="up"
                      onPress={() => move(index, id, -1)}
                    />
                    <IconButton
                      small
                      label={t("people.move_down", { name: isolate(name) })}
                      icon={<ArrowDown size={16} aria-hidden />}
                      isDisabled={index === value.length - 1}
                      data-move="down"
                      onPress={() => move(index, id, 1)}
                    />
                  </>
                )}
                <IconButton
                  small
                  label={t("people.remove", { name: isolate(name) })}
                  icon={<X size={16} aria-hidden />}
                  onPress={() => onChange(value.filter((each) => each !== id))}
                />
              </li>
            );
          })}
        </ol>
      )}
      {value.length === 0 && <p className={styles["hint"]}>{t("people.no_departments")}</p>}
      {others.length > 0 && (
        <Select
          label={t("people.add_department_to")}
          placeholder={t("people.choose")}
          options={others}
          value={null}
          onChange={(id) => onChange([...value, Number(id)])}
          errors={errors}
        />
      )}
      {errors !== undefined && others.length === 0 && <p className={styles["error"]}>{errors.join(" ")}</p>}
    </fieldset>
  );
}
