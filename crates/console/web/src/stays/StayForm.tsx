import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { createStay, patchStay } from "../api/hotel-calls";
import type { Stay } from "../api/types";
import { useT } from "../i18n/i18n";
import { changesOf } from "../records/changes";
import { FormEnd } from "../records/FormEnd";
import { textOf, useForm } from "../records/useForm";
import { useOffline } from "../records/useOffline";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { TextField } from "../ui/TextField";
import { dayOf } from "../ui/time";
import { ConversationButton } from "./ConversationButton";
import { UnlinkButton } from "./UnlinkButton";
import { nextStepOf, otherStepsOf, type StayStep } from "./stay-words";
import { StepDialog } from "./StepDialog";
import styles from "./stays.module.css";

export const STAY_FIELDS = [
  "guest_name",
  "guest_phone",
  "room_number",
  "check_in",
  "check_out",
  "reservation_code",
  "email",
  "language",
  "note",
] as const;
const REQUIRED = ["guest_name", "check_in", "check_out", "reservation_code"] as const;

interface StayFormProps {
  /** The version with which the form was opened; null for a new stay. */
  base: Stay | null;
  /** The newest version, for the actions; null for a new stay. */
  stay: Stay | null;
  onClose: () => void;
}

export function StayForm({ base, stay, onClose }: StayFormProps) {
  const t = useT();
  const queries = useQueryClient();
  const isOffline = useOffline();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const [today] = useState(() => dayOf(Date.now(), zone));
  const [asked, setAsked] = useState<StayStep | null>(null);
  const form = useForm(STAY_FIELDS, async (values) => {
    const next = {
      guest_name: textOf(values, "guest_name"),
      guest_phone: textOf(values, "guest_phone") || null,
      room_number: textOf(values, "room_number") || null,
      check_in: textOf(values, "check_in"),
      check_out: textOf(values, "check_out"),
      reservation_code: textOf(values, "reservation_code"),
      email: textOf(values, "email") || null,
      language: textOf(values, "language") || null,
      note: textOf(values, "note") || null,
    };
    if (base === null) await createStay(next);
    else {
      const change = changesOf(base, next);
      if (Object.keys(change).length > 0) await patchStay(base.id, change);
    }
    void queries.invalidateQueries({ queryKey: ["stays"] });
    onClose();
  }, REQUIRED);

  function field(name: (typeof STAY_FIELDS)[number], more: { type?: string; hint?: string; value?: string } = {}) {
    const { type = "text", hint, value = "" } = more;
    return (
      <TextField
        label={t(`stays.field.${name}`)}
        name={name}
        type={type}
        autoComplete="off"
        defaultValue={base?.[name] ?? value}
        errors={form.errors[name]}
        // Autofocus is expected, because the person has just pressed "Add".
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus={base === null && name === "guest_name"}
        {...(hint !== undefined && { hint })}
      />
    );
  }

  const next = stay === null ? null : nextStepOf(stay);
  const steps = stay === null ? [] : [...(next === null ? [] : [next]), ...otherStepsOf(stay, today)];
  return (
    <>
      <form className={styles["form"]} onSubmit={form.submit} noValidate>
        <div className={styles["columns"]}>
          {field("guest_name")}
          {field("room_number")}
        </div>
        {field("guest_phone", { type: "tel", hint: t("stays.phone_hint") })}
        <div className={styles["columns"]}>
          {field("email", { type: "email" })}
          {field("language", { hint: t("stays.language_hint") })}
        </div>
        <div className={styles["columns"]}>
          {field("check_in", { type: "date", value: today })}
          {field("check_out", { type: "date" })}
        </div>
        {field("reservation_code", { hint: t("stays.code_hint") })}
        {field("note")}
        {stay !== null && (
          <div className={styles["actions"]}>
            <ConversationButton stay={stay} />
            {stay.linked && stay.conversation_id !== null && <UnlinkButton conversationId={stay.conversation_id} />}
            {steps.map((step) => (
              <Button key={step} isDisabled={isOffline} onPress={() => setAsked(step)}>
                {t(`stays.${step}`)}
              </Button>
            ))}
          </div>
        )}
        <FormEnd
          problem={form.problem}
          isPending={form.isPending}
          onCancel={onClose}
          {...(base === null && { submit: t("stays.create") })}
        />
      </form>
      {asked !== null && stay !== null && <StepDialog step={asked} stay={stay} onClose={() => setAsked(null)} />}
    </>
  );
}
