//! The secret of a device cookie.

use auth::Digest;

/// The secret in a device cookie. Its `Debug` output does not contain it.
#[derive(Clone)]
pub struct DeviceSecret(pub String);

impl std::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceSecret(redacted)")
    }
}

impl DeviceSecret {
    /// The digest, which alone is stored.
    pub(crate) fn digest(&self) -> String {
        Digest::of(self.0.as_bytes()).to_string()
    }
}
