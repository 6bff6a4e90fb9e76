//! The staff console: the built web client in `web/dist`, embedded in the binary. `make console` builds it.
//!
//! This crate knows no HTTP library: [`asset`] returns bytes and header values. If the console was not built before
//! this crate was compiled, there are no assets and the binary works without console.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

use std::{borrow::Cow, sync::LazyLock};

use rust_embed::{Embed, EmbeddedFile};

/// The content security policy of the console. The digest is that of the one style that React Aria inserts.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='; img-src 'self' blob:; \
    media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The path of the page of the console.
pub const PAGE: &str = "index.html";

/// The folder of files whose names contain a digest of their content, so that clients may keep them for ever.
const HASHED_FILES: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
/// The page, the service worker, the manifest and icons keep their names, so clients have to ask whether they changed.
const ASK_FIRST: &str = "no-cache";

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/web/dist"]
#[allow_missing = true]
struct BuiltFiles;

/// Whether the console was built before the binary was compiled.
static IS_BUILT: LazyLock<bool> = LazyLock::new(|| BuiltFiles::get(PAGE).is_some());

/// The content encodings that a client accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptedEncodings {
    pub brotli: bool,
    pub gzip: bool,
}

/// A file of the console, with the values of its response headers.
#[derive(Clone, Debug)]
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    pub content_type: &'static str,
    /// The value of `Content-Encoding`; `None` if the file is not compressed.
    pub content_encoding: Option<&'static str>,
    /// Whether there are compressed forms of the file, so that the response depends on `Accept-Encoding`.
    pub varies_by_encoding: bool,
    /// A strong entity tag, with its quotes. It differs between the compressed forms of a file.
    pub etag: String,
    pub cache_control: &'static str,
}

/// Whether the binary contains the console.
pub fn is_built() -> bool {
    *IS_BUILT
}

/// Returns the file with this path, without leading slash, in the smallest form that the client accepts. Returns `None`
/// if there is no such file. The compressed forms are not files of their own.
pub fn asset(path: &str, accepted: AcceptedEncodings) -> Option<Asset> {
    if path.ends_with(".br") || path.ends_with(".gz") {
        return None;
    }
    let plain = BuiltFiles::get(path)?;
    let (brotli, gzip) = (BuiltFiles::get(&format!("{path}.br")), BuiltFiles::get(&format!("{path}.gz")));
    let varies_by_encoding = brotli.is_some() || gzip.is_some();
    let (file, content_encoding) = match (brotli, gzip) {
        (Some(file), _) if accepted.brotli => (file, Some("br")),
        (_, Some(file)) if accepted.gzip => (file, Some("gzip")),
        _ => (plain, None),
    };
    Some(Asset {
        content_type: content_type(path),
        content_encoding,
        varies_by_encoding,
        etag: etag(&file, content_encoding),
        cache_control: if path.starts_with(HASHED_FILES) { FOREVER } else { ASK_FIRST },
        bytes: file.data,
    })
}

/// The paths of all files of the console, without their compressed forms.
pub fn paths() -> impl Iterator<Item = Cow<'static, str>> {
    BuiltFiles::iter().filter(|path| asset(path, AcceptedEncodings::default()).is_some())
}

fn etag(file: &EmbeddedFile, content_encoding: Option<&str>) -> String {
    // Half of the digest suffices to tell two builds apart.
    let digest = hex::encode(&file.metadata.sha256_hash()[..16]);
    content_encoding.map_or_else(|| format!("\"{digest}\""), |encoding| format!("\"{digest}-{encoding}\""))
}

/// The media type of a file, by the extension of its name.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: AcceptedEncodings = AcceptedEncodings { brotli: true, gzip: true };

    #[test]
    fn the_media_type_follows_the_extension() {
        for (path, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("assets/main-1a2b.js", "text/javascript; charset=utf-8"),
            ("manifest.webmanifest", "application/manifest+json"),
            ("assets/x.y.css", "text/css; charset=utf-8"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(path), expected, "{path}");
        }
    }

    #[test]
    fn there_is_no_file_outside_the_build() {
        for path in
            ["", "/", "../package.json", "../../Cargo.toml", "assets", "assets/", "assets/none.js", "/index.html"]
        {
            assert!(asset(path, ALL).is_none(), "{path}");
        }
    }

    /// Holds for every build that may be embedded, also for none.
    #[test]
    fn every_embedded_file_has_its_headers() {
        assert_eq!(is_built(), paths().any(|it| it == PAGE));
        for path in paths() {
            let plain = asset(&path, AcceptedEncodings::default()).unwrap();
            let compressed = asset(&path, ALL).unwrap();
            assert_eq!(plain.content_encoding, None, "{path}");
            assert_eq!(compressed.content_encoding.is_some(), plain.varies_by_encoding, "{path}");
            assert_eq!(plain.etag != compressed.etag, plain.varies_by_encoding, "{path}");
            assert_eq!(plain.cache_control == FOREVER, path.starts_with(HASHED_FILES), "{path}");
            assert_ne!(plain.content_type, "application/octet-stream", "{path}: add its extension");
        }
    }
}
