import { ArrowDownWideNarrow, Check } from "lucide-react";

import { useT } from "../i18n/i18n";
import { IconButton } from "../ui/IconButton";
import { Menu, MenuItem } from "../ui/Menu";
import { CHOSEN_ORDERS, type ChosenOrder } from "./order";

interface OrderMenuProps {
  order: ChosenOrder;
  /** The hotel writes on WhatsApp, so that a window can end. */
  hasWindow: boolean;
  onChange: (order: ChosenOrder) => void;
}

export function OrderMenu({ order, hasWindow, onChange }: OrderMenuProps) {
  const t = useT();
  const label = t("inbox.order", { order: t(`inbox.order.${order}`) });
  return (
    <Menu label={label} trigger={<IconButton label={label} icon={<ArrowDownWideNarrow size={18} aria-hidden />} />}>
      {CHOSEN_ORDERS.filter((each) => hasWindow || each !== "window").map((each) => (
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
