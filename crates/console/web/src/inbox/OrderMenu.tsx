import { ArrowDownWideNarrow, Check } from "lucide-react";

import { useT } from "../i18n/i18n";
import type { Order } from "../store/queues";
import { IconButton } from "../ui/IconButton";
import { Menu, MenuItem } from "../ui/Menu";

const ORDERS: readonly Order[] = ["newest", "window"];

export function OrderMenu({ order, onChange }: { order: Order; onChange: (order: Order) => void }) {
  const t = useT();
  const label = t("inbox.order", { order: t(`inbox.order.${order}`) });
  return (
    <Menu label={label} trigger={<IconButton label={label} icon={<ArrowDownWideNarrow size={18} aria-hidden />} />}>
      {ORDERS.map((each) => (
        <MenuItem
          key={each}
          icon={each === order ? <Check size={18} aria-hidden /> : <span />}
          textValue={t(`inbox.order.${each}`)}
          onAction={() => onChange(each)}
        >
          {t(`inbox.order.${each}`)}
        </MenuItem>
      ))}
    </Menu>
  );
}
