import { useEffect, useState } from "react";

import { file } from "../api/http";

export type LoadedFile =
  | { readonly phase: "idle" | "loading" | "failed" }
  | { readonly phase: "ready"; readonly url: string };

/**
 * Fetches a file and returns its `blob:` URL, which is revoked when it is no longer shown. A higher `attempt` retries.
 */
export function useFile(id: number, isWanted: boolean, thumbnail: boolean, attempt = 0): LoadedFile {
  const request = `${id}/${thumbnail}/${attempt}`;
  const [answer, setAnswer] = useState<{ readonly request: string; readonly loaded: LoadedFile } | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    const abort = new AbortController();
    let url: string | null = null;
    file(id, { thumbnail, signal: abort.signal }).then(
      (found) => {
        url = found;
        if (abort.signal.aborted) URL.revokeObjectURL(found);
        else setAnswer({ request, loaded: { phase: "ready", url: found } });
      },
      () => {
        if (!abort.signal.aborted) setAnswer({ request, loaded: { phase: "failed" } });
      },
    );
    return () => {
      abort.abort();
      if (url !== null) URL.revokeObjectURL(url);
    };
  }, [id, isWanted, thumbnail, request]);
  if (!isWanted) return { phase: "idle" };
  return answer?.request === request ? answer.loaded : { phase: "loading" };
}

/** Downloads a file under its name. */
export async function download(id: number, name: string): Promise<void> {
  const url = await file(id);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
