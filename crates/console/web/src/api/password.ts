import { request } from "./http";

// In its own file, because the sign-in chunk needs only this call.

export function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  return request("POST", "/api/auth/password/", {
    body: { current_password: currentPassword, new_password: newPassword },
  });
}
