//! Where settings come from.

use std::{collections::HashMap, fs, io::ErrorKind, path::Path};

/// The process's environment, and behind it a file.
#[derive(Default)]
pub struct Environment {
    file: HashMap<String, String>,
}

/// A `.env` that cannot be read. Its display is one line, and shows nothing of the file but names.
#[derive(Debug, thiserror::Error)]
pub enum BadEnvFile {
    /// A line is none.
    #[error(".env: {0} is no NAME=VALUE (quote a value that has spaces)")]
    Line(String),
    /// The file cannot be read.
    #[error(".env cannot be read: {0}")]
    Io(std::io::Error),
}

impl Environment {
    /// Reads the file, if there is one. The environment itself stays as it is.
    ///
    /// # Errors
    /// [`BadEnvFile`].
    pub fn with_file(path: &Path) -> Result<Self, BadEnvFile> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(BadEnvFile::Io(error)),
        };
        let (mut file, mut last) = (HashMap::new(), String::new());
        for line in dotenvy::from_read_iter(with_literal_dollars(&text).as_bytes()) {
            let (name, value) = line.map_err(|error| bad(error, &last))?;
            last.clone_from(&name);
            file.insert(name, value);
        }
        Ok(Self { file })
    }

    /// A variable's text.
    pub fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| self.file.get(name).cloned())
    }
}

/// The text of a file in which the library finds no variables to replace: passwords have dollars in them.
fn with_literal_dollars(text: &str) -> String {
    let (mut literal, mut quote, mut before) = (String::with_capacity(text.len()), None, '\n');
    let (mut is_escaped, mut is_comment) = (false, false);
    for it in text.chars() {
        if quote.is_none() && it == '\n' {
            is_comment = false;
        } else if quote.is_none() && !is_escaped && it == '#' && before.is_whitespace() {
            is_comment = true;
        }
        if !is_comment && !is_escaped && it == '$' && quote != Some('\'') {
            literal.push('\\');
        }
        if !is_comment && !is_escaped && matches!(it, '\'' | '"') && quote.is_none_or(|open| open == it) {
            quote = if quote.is_none() { Some(it) } else { None };
        }
        is_escaped = !is_comment && !is_escaped && it == '\\' && quote != Some('\'');
        literal.push(it);
        before = it;
    }
    literal
}

/// A bad line may well hold a secret: only the name before it is told.
fn bad(error: dotenvy::Error, last: &str) -> BadEnvFile {
    match error {
        dotenvy::Error::Io(error) => BadEnvFile::Io(error),
        _ if last.is_empty() => BadEnvFile::Line("the first line".to_owned()),
        _ => BadEnvFile::Line(format!("the line after {last}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert!(Environment::with_file(&path).unwrap().get("MM_NO_SUCH").is_none());
        fs::write(&path, "# a comment\nMM_NO_SUCH=\"a b\"\nPATH=nowhere\n").unwrap();
        let environment = Environment::with_file(&path).unwrap();
        assert_eq!(environment.get("MM_NO_SUCH").as_deref(), Some("a b"));
        assert_ne!(environment.get("PATH").as_deref(), Some("nowhere"));
    }

    #[test]
    fn a_dollar_is_a_dollar() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        for (line, value) in [
            ("A=pa$HOME", "pa$HOME"),
            ("A=\"${HOME} $1\"", "${HOME} $1"),
            ("A='$HOME'", "$HOME"),
            ("A='it\\$'", "it\\$"),
            ("A=a\\$b", "a$b"),
            ("A=\"'$HOME'\"", "'$HOME'"),
            ("# don't $HOME\nexport A=$$ # it's $HOME", "$$"),
            ("B=\"two\n$HOME # lines\"\nA=x#$y", "x#$y"),
        ] {
            fs::write(&path, line).unwrap();
            let environment = Environment::with_file(&path).unwrap();
            assert_eq!(environment.file.get("A").map(String::as_str), Some(value), "{line}");
        }
    }

    #[test]
    fn a_bad_line_is_told_without_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, "ONE=1\nhunter2 hunter3\n").unwrap();
        let told = Environment::with_file(&path).err().unwrap().to_string();
        assert!(told.contains("after ONE") && !told.contains("hunter2"), "{told}");
    }
}
