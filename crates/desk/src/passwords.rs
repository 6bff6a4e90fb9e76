//! Password hashing, outside the threads that serve requests and with a limit on concurrent hashes.

use auth::{Password, PasswordHash};
use persistence::StoreError;
use tokio::{
    sync::{AcquireError, SemaphorePermit},
    task::spawn_blocking,
};

use crate::{Desk, Error};

impl Desk {
    /// Waits for one of the permits that limit concurrent password hashing. A sign-in holds it while it counts the
    /// attempt and verifies the password.
    pub(crate) async fn hashing_permit(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.hashing_permits.acquire().await
    }

    pub(crate) async fn hash_password(&self, password: Password) -> Result<String, Error> {
        let failed = |cause: String| StoreError::Unavailable(format!("cannot hash a password: {cause}"));
        let _permit = self.hashing_permit().await.map_err(|error| failed(error.to_string()))?;
        let hashed = spawn_blocking(move || PasswordHash::new(&password)).await;
        let hash = hashed.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
        Ok(hash.as_str().to_owned())
    }
}

/// Returns whether a password matches a stored hash. Without a hash it returns `false` after the same time, so that an
/// unknown user name cannot be distinguished from a wrong password. The caller holds a hashing permit.
pub(crate) async fn verify_password(hash: Option<String>, password: String) -> bool {
    let hash = hash.map(PasswordHash::from_stored);
    let verified = spawn_blocking(move || match &hash {
        Some(hash) => hash.verifies(&password),
        None => {
            PasswordHash::decoy().verifies(&password);
            false
        }
    });
    verified.await.unwrap_or(false)
}
