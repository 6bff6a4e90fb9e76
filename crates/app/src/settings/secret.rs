//! The secret that signs tokens.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use desk::DbUrl;

/// A secret that signs tokens: at least 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct JwtSecret(Vec<u8>);

/// Why there is no secret. Its display is one line.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Servers that share a PostgreSQL must share it.
    #[error("JWT_SECRET is required with PostgreSQL: every server on that database needs the same")]
    Required,
    /// The file that keeps it holds something else.
    #[error("{0} holds no secret of at least {LEAST} bytes: set JWT_SECRET, or remove the file")]
    Short(PathBuf),
    /// The file that keeps it cannot be read or made.
    #[error("{path}: {error}", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

const LEAST: usize = 32;
/// The file's name, beside the database.
const FILE: &str = "jwt_secret";

impl JwtSecret {
    /// Takes what was set.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes().to_vec();
        if bytes.len() < LEAST { Err(format!("must have at least {LEAST} bytes")) } else { Ok(Self(bytes)) }
    }

    /// One that nobody else has.
    pub fn new() -> Self {
        let random: [u8; LEAST] = rand::random();
        Self(BASE64_URL_SAFE_NO_PAD.encode(random).into_bytes())
    }

    /// The one kept beside the SQLite database; made, where there is none yet.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn kept_beside(database: &DbUrl) -> Result<Self, SecretError> {
        let DbUrl::Sqlite(database) = database else { return Err(SecretError::Required) };
        let folder = database.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let path = folder.join(FILE);
        let kept = fs::create_dir_all(folder).and_then(|()| match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => keep(&path, &Self::new()),
            read => read,
        });
        let bytes = kept.map_err(|error| SecretError::File { path: path.clone(), error })?.trim_ascii().to_vec();
        if bytes.len() < LEAST { Err(SecretError::Short(path)) } else { Ok(Self(bytes)) }
    }

    /// The bytes to sign with.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for JwtSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JwtSecret(redacted)")
    }
}

/// Puts a whole file in place, unless somebody else just did; what is there then. A link, because
/// that fails where the name is taken: two programs that start at once agree on one secret.
fn keep(path: &Path, secret: &JwtSecret) -> io::Result<Vec<u8>> {
    let draft = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let linked = write(&draft, secret).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => removed?,
    }
    fs::read(path)
}

fn write(path: &Path, secret: &JwtSecret) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&secret.0)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let database = DbUrl::Sqlite(folder.path().join("data/mm.db"));
        let made = JwtSecret::kept_beside(&database).unwrap();
        assert!(made == JwtSecret::kept_beside(&database).unwrap() && made != JwtSecret::new());
        let path = folder.path().join("data/jwt_secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("data")).unwrap().count(), 1);
        fs::write(path, "short").unwrap();
        assert!(matches!(JwtSecret::kept_beside(&database), Err(SecretError::Short(_))));
    }

    #[test]
    fn two_starts_agree() {
        let folder = tempfile::tempdir().unwrap();
        let database = DbUrl::Sqlite(folder.path().join("mm.db"));
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let database = database.clone();
                std::thread::spawn(move || JwtSecret::kept_beside(&database).unwrap())
            })
            .collect();
        let secrets: Vec<JwtSecret> = starts.into_iter().map(|it| it.join().unwrap()).collect();
        assert!(secrets.iter().all(|it| *it == secrets[0]));
    }

    #[test]
    fn postgresql_has_no_beside() {
        let database = DbUrl::Postgres("postgres://db/mm".to_owned());
        assert!(matches!(JwtSecret::kept_beside(&database), Err(SecretError::Required)));
    }
}
