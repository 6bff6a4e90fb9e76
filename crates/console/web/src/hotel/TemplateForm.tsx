import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { createTemplate, deleteTemplate, patchTemplate } from "../api/hotel-calls";
import type { Template } from "../api/types";
import { useT } from "../i18n/i18n";
import { changesOf } from "../records/changes";
import { DeleteQuestion } from "../records/DeleteQuestion";
import { FormEnd } from "../records/FormEnd";
import { useMarkTyped } from "../records/typed";
import { textOf, useForm } from "../records/useForm";
import { useStore } from "../store/store";
import { Select } from "../ui/Select";
import { TextField } from "../ui/TextField";
import styles from "./hotel.module.css";
import { TemplateEditor } from "./TemplateEditor";
import { TemplatePreview } from "./TemplatePreview";
import templateStyles from "./Templates.module.css";

const FIELDS = ["name", "content", "shortcut", "template_type", "language", "department_id", "parameter_format"];
/** The choice of all departments. */
const ALL = "all";

export function TemplateForm({ template, onClose }: { template: Template | null; onClose: () => void }) {
  const t = useT();
  const queries = useQueryClient();
  const departments = useStore((state) => state.directory.departments).filter(({ active }) => active);
  const isOpener = useStore(({ directory }) => template !== null && directory.hotel.opener_template_id === template.id);
  const markTyped = useMarkTyped();
  const [type, setType] = useState(template?.template_type ?? "text");
  const [department, setDepartment] = useState(template?.department_id ?? null);
  const [content, setContent] = useState(template?.content ?? "");
  const [format, setFormat] = useState(template?.parameter_format ?? "positional");
  const isWhatsapp = type === "whatsapp";

  const form = useForm(FIELDS, async (values) => {
    const shortcut = textOf(values, "shortcut").replace(/^\//, "");
    const next = {
      name: textOf(values, "name"),
      content: content.trim(),
      template_type: type,
      language: textOf(values, "language") || null,
      department_id: department,
      shortcut: shortcut === "" ? null : shortcut,
      parameter_format: isWhatsapp ? format : "positional",
    };
    if (template === null) await createTemplate(next);
    else {
      const change = changesOf(template, next);
      if (Object.keys(change).length > 0) await patchTemplate(template.id, change);
    }
    leave();
  }, isWhatsapp ? ["name", "content", "language"] : ["name", "content"]);

  function leave() {
    void queries.invalidateQueries({ queryKey: ["templates"] });
    onClose();
  }

  return (
    <form className={styles["form"]} onSubmit={form.submit} noValidate>
      <div className={templateStyles["fields"]}>
        <TextField
          label={t("templates.name")}
          name="name"
          autoComplete="off"
          defaultValue={template?.name ?? ""}
          errors={form.errors["name"]}
          // The person has just asked for a new template.
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus={template === null}
          {...(isWhatsapp && { hint: t("templates.name_hint") })}
        />
        <TextField
          label={t("templates.shortcut")}
          hint={t("templates.shortcut_hint")}
          name="shortcut"
          autoComplete="off"
          spellCheck="false"
          maxLength={33}
          defaultValue={template?.shortcut ?? ""}
          errors={form.errors["shortcut"]}
        />
        <Select
          label={t("templates.department")}
          options={[{ id: ALL, name: t("templates.all_departments") }, ...departments]}
          value={department ?? ALL}
          onChange={(id) => {
            setDepartment(id === ALL ? null : Number(id));
            markTyped();
          }}
          errors={form.errors["department_id"]}
        />
        <Select
          label={t("templates.type")}
          options={[
            { id: "text", name: t("templates.type.text") },
            { id: "whatsapp", name: t("templates.type.whatsapp") },
          ]}
          value={type}
          onChange={(id) => {
            setType(id === "whatsapp" ? "whatsapp" : "text");
            markTyped();
          }}
          errors={form.errors["template_type"]}
        />
        <TextField
          label={t("templates.language")}
          hint={t("templates.language_hint")}
          name="language"
          autoComplete="off"
          spellCheck="false"
          defaultValue={template?.language ?? ""}
          errors={form.errors["language"]}
        />
        {isWhatsapp && (
          <Select
            label={t("templates.parameters")}
            options={[
              { id: "positional", name: t("templates.parameters.positional", { one: "{{1}}" }) },
              { id: "named", name: t("templates.parameters.named", { one: "{{guest_name}}" }) },
            ]}
            value={format}
            onChange={(id) => {
              setFormat(id === "named" ? "named" : "positional");
              markTyped();
            }}
            errors={form.errors["parameter_format"]}
          />
        )}
      </div>
      {template?.available === false && (
        <p className={templateStyles["unavailable"]} role="status">
          {t("templates.unavailable_hint")}
        </p>
      )}
      <p className={styles["note"]}>{t(isWhatsapp ? "templates.type_hint.whatsapp" : "templates.type_hint.text")}</p>
      <div className={templateStyles["editor"]}>
        <TemplateEditor
          value={content}
          onChange={(text) => {
            setContent(text);
            markTyped();
          }}
          errors={form.errors["content"]}
        />
        <TemplatePreview content={content} />
      </div>
      {template !== null && (
        <DeleteQuestion
          label={t("templates.delete")}
          question={t(isOpener ? "templates.delete_effect_opener" : "templates.delete_effect")}
          remove={async () => {
            await deleteTemplate(template.id);
            leave();
          }}
        />
      )}
      <FormEnd
        problem={form.problem}
        isPending={form.isPending}
        onCancel={onClose}
        {...(template === null && { submit: t("people.add") })}
      />
    </form>
  );
}
