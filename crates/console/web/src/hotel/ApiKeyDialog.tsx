import { useState } from "react";

import { createApiKey } from "../api/hotel-calls";
import type { ApiKey } from "../api/types";
import { useT } from "../i18n/i18n";
import { FormDialog } from "../records/FormDialog";
import { FormEnd } from "../records/FormEnd";
import { textOf, useForm } from "../records/useForm";
import { isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { copyText } from "../ui/clipboard";
import { Dialog, DialogActions } from "../ui/Dialog";
import { Select } from "../ui/Select";
import { TextField } from "../ui/TextField";
import styles from "./hotel.module.css";

/** Choices for the lifetime of a key, in days. */
const LIFETIMES = [90, 365, 730];
/** The option id for a key without an end. */
const LASTING = "lasting";
const DAY = 86_400_000;

interface ApiKeyDialogProps {
  onAdded: () => void;
  onClose: () => void;
}

/** The dialog to create an API key: the form, and afterwards the key, which the server shows only once. */
export function ApiKeyDialog({ onAdded, onClose }: ApiKeyDialogProps) {
  const t = useT();
  const [created, setCreated] = useState<ApiKey | null>(null);
  if (created !== null) {
    return (
      <Dialog title={t("hotel.api_key_new")} isOpen isAlert onClose={onClose}>
        <KeyShown created={created} onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <FormDialog title={t("hotel.add_api_key")} onClose={onClose}>
      <NewKeyForm
        onCreated={(key) => {
          setCreated(key);
          onAdded();
        }}
        onClose={onClose}
      />
    </FormDialog>
  );
}

function NewKeyForm({ onCreated, onClose }: { onCreated: (key: ApiKey) => void; onClose: () => void }) {
  const t = useT();
  const [lifetime, setLifetime] = useState<number | typeof LASTING>(365);
  const form = useForm(["name", "expires_at"], async (values) => {
    const end = lifetime === LASTING ? null : new Date(Date.now() + lifetime * DAY).toISOString();
    onCreated(await createApiKey({ name: textOf(values, "name"), expires_at: end }));
  }, ["name"]);
  return (
    <form className={styles["form"]} onSubmit={form.submit} noValidate>
      <TextField
        label={t("hotel.api_key_name")}
        hint={t("hotel.api_key_name_hint")}
        name="name"
        autoComplete="off"
        maxLength={200}
        errors={form.errors["name"]}
        // Autofocus is expected, because the person has just pressed "Add".
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
      />
      <Select
        label={t("hotel.api_key_lifetime")}
        options={[
          ...LIFETIMES.map((days) => ({ id: days, name: t("hotel.api_key_days", { count: days }) })),
          { id: LASTING, name: t("hotel.api_key_lasting") },
        ]}
        value={lifetime}
        onChange={(id) => setLifetime(id === LASTING ? LASTING : Number(id))}
        errors={form.errors["expires_at"]}
      />
      <p className={styles["note"]}>{t("hotel.api_key_rights")}</p>
      <FormEnd problem={form.problem} isPending={form.isPending} onCancel={onClose} submit={t("people.add")} />
    </form>
  );
}

function KeyShown({ created, onClose }: { created: ApiKey; onClose: () => void }) {
  const t = useT();
  const [isCopied, setCopied] = useState(false);
  const secret = created.key ?? "";
  return (
    <div className={styles["form"]}>
      <p>{t(secret === "" ? "hotel.api_key_lost" : "hotel.api_key_once", { name: isolate(created.name) })}</p>
      {secret !== "" && (
        <div className={styles["password"]}>
          <code className={styles["secret"]} dir="ltr">
            {secret}
          </code>
          <Button onPress={() => void copyText(secret).then(() => setCopied(true))}>{t("people.copy")}</Button>
          <span role="status">{isCopied && t("people.copied")}</span>
        </div>
      )}
      <DialogActions>
        <Button variant="primary" onPress={onClose}>
          {t("people.password_done")}
        </Button>
      </DialogActions>
    </div>
  );
}
