import type { Template } from "../api/types";
import { useT } from "../i18n/i18n";
import { FormDialog } from "../records/FormDialog";
import { StaleStrip } from "../records/StaleStrip";
import { useBase } from "../records/useBase";
import { TemplateForm } from "./TemplateForm";

interface TemplateDialogProps {
  /** Null for a new template. */
  template: Template | null;
  onClose: () => void;
}

export function TemplateDialog({ template, onClose }: TemplateDialogProps) {
  const t = useT();
  const { base, version, isStale, show } = useBase(template);
  return (
    <FormDialog title={base?.name ?? t("templates.add")} onClose={onClose} shape="wide">
      {isStale && <StaleStrip onShow={() => show(template)} />}
      <TemplateForm key={version} template={base} onClose={onClose} />
    </FormDialog>
  );
}
