import { useQueryClient } from "@tanstack/react-query";
import { Link2Off } from "lucide-react";
import { useState } from "react";

import { unlinkStay } from "../api/calls";
import { useT } from "../i18n/i18n";
import { useOffline } from "../records/useOffline";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";

/** Undoes the link of a stay, on the conversation of the stay. */
export function UnlinkButton({ conversationId }: { conversationId: number }) {
  const t = useT();
  const queries = useQueryClient();
  const isOffline = useOffline();
  const [isPending, setPending] = useState(false);

  async function unlink() {
    setPending(true);
    try {
      await unlinkStay(conversationId);
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
    }
    setPending(false);
    void queries.invalidateQueries({ queryKey: ["stays"] });
  }

  return (
    <Button isPending={isPending} isDisabled={isOffline} onPress={() => void unlink()}>
      <Link2Off size={16} aria-hidden />
      {t("link.undo")}
    </Button>
  );
}
