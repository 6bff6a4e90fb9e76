//! Decodes pictures within limits: their size, and small copies of them.

use std::io::Cursor;

use domain::PictureSize;
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, codecs::jpeg::JpegEncoder,
    metadata::Orientation,
};

/// The formats of which a thumbnail can be made.
const FORMATS: [ImageFormat; 4] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif];
/// Greatest width and height of a thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 320;
/// JPEG quality of a thumbnail, of 100.
const THUMBNAIL_QUALITY: u8 = 80;
/// A file of more bytes is not decoded.
const MAX_FILE_BYTES: i64 = 16 * 1024 * 1024;
/// A picture of more pixels is not decoded: a telephone's camera has 12 to 24 million, and a decoder needs up to 9 bytes
/// for each.
const MAX_PIXELS: u64 = 25_000_000;
const MAX_DECODED_BYTES: u64 = 8 * MAX_PIXELS;
/// The first bytes of a file, in which most pictures state their size.
const HEAD_BYTES: usize = 256 * 1024;

/// Whether a thumbnail can be made of a file of this media type and size in bytes.
pub(crate) fn has_thumbnail(content_type: &str, size: i64) -> bool {
    FORMATS.iter().any(|it| it.to_mime_type() == content_type) && size <= MAX_FILE_BYTES
}

/// Returns the size in which a picture is shown, from the first bytes of its file or from all of them; `None` if the
/// file is no picture of a known format.
pub(crate) fn measure_picture(bytes: &[u8]) -> Option<PictureSize> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    read_size(head).or_else(|| read_size(bytes).filter(|_| bytes.len() > head.len()))
}

fn read_size(bytes: &[u8]) -> Option<PictureSize> {
    let mut decoder = open(bytes)?.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = if is_turned(orientation) { (height, width) } else { (width, height) };
    PictureSize::new(width, height)
}

/// Whether a picture is shown with its stored width as height.
fn is_turned(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH)
}

/// Decodes a picture and returns a small JPEG of it; `None` if it cannot be decoded within the limits.
pub(crate) fn make_thumbnail(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = open(bytes)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED_BYTES {
        return None;
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).ok()?;
    let is_large = width.max(height) > THUMBNAIL_SIDE;
    let mut small = if is_large { picture.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE) } else { picture };
    small.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, THUMBNAIL_QUALITY).encode_image(&on_white(&small)).ok()?;
    Some(jpeg)
}

fn open(bytes: &[u8]) -> Option<ImageReader<Cursor<&[u8]>>> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.format().is_some_and(|it| FORMATS.contains(&it)).then_some(reader)
}

/// Puts a picture on a white ground: JPEG has no transparency.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [colors @ .., alpha] = picture.get_pixel(x, y).0;
        let blend = |color: u8| (u16::from(color) * u16::from(alpha) + 255 * (255 - u16::from(alpha))) / 255;
        Rgb(colors.map(|color| blend(color) as u8))
    })
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    fn encode(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, _| Rgb([if x < width / 2 { 255 } else { 0 }, 0, 0]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Adds EXIF data to a JPEG: the orientation, one of the values 1 to 8.
    fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        let mut bytes = jpeg[..2].to_vec();
        bytes.extend([0xff, 0xe1]);
        bytes.extend(u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
        bytes.extend(exif);
        bytes.extend(&jpeg[2..]);
        bytes
    }

    fn size_of(thumbnail: &[u8]) -> (u32, u32) {
        assert_eq!(image::guess_format(thumbnail).unwrap(), ImageFormat::Jpeg);
        let picture = image::load_from_memory(thumbnail).unwrap();
        (picture.width(), picture.height())
    }

    #[test]
    fn the_size_of_a_picture_is_that_in_which_it_is_shown() {
        for format in FORMATS {
            assert_eq!(measure_picture(&encode(60, 20, format)), PictureSize::new(60, 20), "{format:?}");
        }
        let jpeg = encode(60, 20, ImageFormat::Jpeg);
        for (orientation, width, height) in [(1, 60, 20), (3, 60, 20), (6, 20, 60), (8, 20, 60), (99, 60, 20)] {
            let turned = with_orientation(&jpeg, orientation);
            assert_eq!(measure_picture(&turned), PictureSize::new(width, height), "{orientation}");
        }
        // The head of a long file suffices.
        let large = encode(1500, 900, ImageFormat::Png);
        assert_eq!(measure_picture(&large[..64]), PictureSize::new(1500, 900));
        for bytes in [b"".as_slice(), b"%PDF-1.7", b"\x89PNG made up", b"<svg width=\"3\" height=\"3\"/>"] {
            assert_eq!(measure_picture(bytes), None);
        }
    }

    #[test]
    fn a_thumbnail_fits_and_stands_upright() {
        for format in FORMATS {
            let thumbnail = make_thumbnail(&encode(1000, 500, format)).unwrap();
            assert_eq!(size_of(&thumbnail), (320, 160), "{format:?}");
            // A small picture is not enlarged.
            assert_eq!(size_of(&make_thumbnail(&encode(30, 90, format)).unwrap()), (30, 90), "{format:?}");
        }
        // The red half is on the left; turned by 90 degrees it is above.
        let turned = make_thumbnail(&with_orientation(&encode(1000, 500, ImageFormat::Jpeg), 6)).unwrap();
        assert_eq!(size_of(&turned), (160, 320));
        let turned = image::load_from_memory(&turned).unwrap().to_rgb8();
        assert!(turned.get_pixel(80, 20).0[0] > 200 && turned.get_pixel(80, 300).0[0] < 50);
    }

    #[test]
    fn transparent_parts_become_white() {
        let picture = RgbaImage::from_pixel(10, 10, Rgba([0, 0, 0, 0]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let thumbnail = image::load_from_memory(&make_thumbnail(bytes.get_ref()).unwrap()).unwrap().to_rgb8();
        assert!(thumbnail.get_pixel(5, 5).0.iter().all(|it| *it > 250));
    }

    #[test]
    fn a_picture_of_too_many_pixels_is_not_decoded() {
        // A grey picture of 36 million pixels in a few kilobytes.
        let (side, mut bytes) = (6000, Vec::new());
        let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        let pixels = vec![0; (side * side) as usize];
        image::ImageEncoder::write_image(encoder, &pixels, side, side, ExtendedColorType::L8).unwrap();
        assert_eq!(measure_picture(&bytes), PictureSize::new(side, side));
        assert!(make_thumbnail(&bytes).is_none());
    }

    proptest! {
        #[test]
        fn damaged_pictures_do_no_harm(format in 0..4_usize, at in 0..200_usize, value in any::<u8>(), length in 0..400_usize) {
            let mut bytes = encode(16, 9, FORMATS[format]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            bytes.truncate(length);
            let _ = (measure_picture(&bytes), make_thumbnail(&bytes));
        }
    }
}
