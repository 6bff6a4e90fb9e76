import { request } from "./http";

// Apart from the other calls, of which the sign-in needs none.

export function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  return request("POST", "/api/auth/password/", {
    body: { current_password: currentPassword, new_password: newPassword },
  });
}
