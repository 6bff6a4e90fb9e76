//! Request bodies of sign-in, token refresh and password change. They have no `Debug`, which would print secrets.

use super::{
    body_types::{NewPassword, PasswordText},
    json_body::json_body,
    presence::{Flag, Required},
};

json_body! {
    /// Credentials of a staff member.
    pub struct LoginBody {
        /// The user name of the staff member, not trimmed.
        username: Required<String>,
        /// The password of the staff member, not trimmed.
        password: Required<PasswordText>,
        /// False on a shared computer: the cookie lasts until the browser closes, and the session ends 12 hours after the
        /// sign-in or 30 minutes after its last use. Default: true.
        remember: Flag<true>,
    }

    /// A request for new tokens of the same session.
    pub struct RefreshBody {
        /// The refresh token from sign-in or from the last refresh.
        refresh: Required<String>,
    }

    /// A change of the caller's own password.
    pub struct PasswordChangeBody {
        /// The current password of the caller.
        current_password: Required<PasswordText>,
        /// The new password of the caller: 12 to 128 characters, not common, and not guessable from user name,
        /// name or hotel name.
        new_password: Required<NewPassword>,
    }
}
