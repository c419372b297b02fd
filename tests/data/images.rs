//! Folders of images.

use gradus::data::ImageFolder;
use gradus::prelude::*;
use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use super::files::write;

/// Two classes; in `cats` a PNG and a BMP, in `dogs` a JPEG, and a file that is no image.
fn pictures() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for class in ["dogs", "cats"] {
        std::fs::create_dir(folder.path().join(class)).unwrap();
    }
    let image = |x| RgbImage::from_fn(4, 3, |column, row| Rgb([x, column as u8 * 10, row as u8 * 10]));
    image(255).save(folder.path().join("cats/b.png")).unwrap();
    image(0).save(folder.path().join("cats/a.BMP")).unwrap();
    GrayImage::from_pixel(4, 3, Luma([51])).save(folder.path().join("dogs/grey.jpg")).unwrap();
    std::fs::write(folder.path().join("dogs/README"), "no image").unwrap();
    folder
}

#[test]
fn images_of_all_kinds() {
    let folder = pictures();
    let images = ImageFolder::new(folder.path()).unwrap();
    assert_eq!((images.len(), images.class_names()), (3, &["cats".to_string(), "dogs".into()][..]));
    let names: Vec<_> = images.files().iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.BMP", "b.png", "grey.jpg"]);
    let batch = images.batch(&[1, 0, 2]).unwrap();
    assert_eq!(batch.inputs[0].shape(), [3, 3, 4, 3]);
    assert_eq!(batch.targets[0].as_slice(), Some(&[0.0, 0.0, 1.0][..]));
    let pixel = |example, y, x| [0, 1, 2].map(|c| (batch.inputs[0][[example, y, x, c]] * 255.0).round() as u8);
    assert_eq!(pixel(0, 2, 3), [255, 30, 20]);
    assert_eq!(pixel(1, 2, 3), [0, 30, 20]);
    assert!(pixel(2, 1, 1).iter().all(|x| (50..=52).contains(x)));
    let small = ImageFolder::new(folder.path()).unwrap().size(2, 5).grey(true).batch(&[2]).unwrap();
    assert_eq!(small.inputs[0].shape(), [1, 2, 5, 1]);
    assert!((small.inputs[0][[0, 1, 4, 0]] - 0.2).abs() < 0.01);
    assert_eq!(images.classes().unwrap(), [0, 0, 1]);
}

#[test]
fn broken_images_are_errors_that_name_the_file() {
    let folder = pictures();
    let path = folder.path().join("cats/b.png");
    let sound = std::fs::read(&path).unwrap();
    let images = ImageFolder::new(folder.path()).unwrap();
    for len in 0..sound.len() - 12 {
        std::fs::write(&path, &sound[..len]).unwrap();
        let text = images.batch(&[1]).unwrap_err().to_string();
        assert!(text.starts_with(&format!("{}: is not a valid image", path.display())), "{len}: {text}");
    }
    for place in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[place] ^= 0x55;
        std::fs::write(&path, &bytes).unwrap();
        let _ = images.batch(&[1]);
    }
}

#[test]
fn folders_are_walked_down_and_what_is_left_out_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (name, shade) in [("cats/a.png", 10), ("cats/more/deep/b.webp", 20), ("dogs/c.gif", 30), ("dogs/d.tif", 40)] {
        std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        RgbImage::from_pixel(2, 2, Rgb([shade; 3])).save(root.join(name)).unwrap();
    }
    for hidden in [".git/config", ".ipynb_checkpoints/a.png", "__MACOSX/cats/._a.png", "cats/._a.png", "dogs/Thumbs.db"]
    {
        write(root, hidden, "no image");
    }
    write(root, "birds/README.txt", "no birds yet");
    write(root, "list.csv", "a,b");
    std::fs::create_dir(root.join("empty")).unwrap();
    let images = ImageFolder::new(root).unwrap();
    assert_eq!(images.class_names(), ["cats", "dogs"]);
    let names: Vec<_> =
        images.files().iter().map(|(path, _)| path.strip_prefix(root).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["cats/a.png", "cats/more/deep/b.webp", "dogs/c.gif", "dogs/d.tif"]);
    let left_out: Vec<_> =
        images.left_out().iter().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap()).collect();
    assert_eq!(left_out, ["birds/README.txt", "birds", "empty", "list.csv"]);
    let batch = images.batch(&[0, 1, 2, 3]).unwrap();
    let shades: Vec<_> = batch.inputs[0].slice(ndarray::s![.., 0, 0, 0]).iter().map(|x| (x * 255.0).round()).collect();
    assert_eq!((shades, batch.targets[0].as_slice()), (vec![10.0, 20.0, 30.0, 40.0], Some(&[0.0, 0.0, 1.0, 1.0][..])));
    // The classes of a training set, of which one has no image here.
    let test = ImageFolder::with_classes(root, ["dogs", "birds", "cats"]).unwrap();
    assert_eq!((test.class_names().len(), test.classes().unwrap()), (3, vec![0, 0, 2, 2]));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(root, root.join("cats/loop")).unwrap();
        std::os::unix::fs::symlink(root.join("dogs"), root.join("hounds")).unwrap();
        let text = ImageFolder::new(root).unwrap_err().to_string();
        assert!(text.ends_with("is a link to a folder that it is in; remove it"), "{text}");
        std::fs::remove_file(root.join("cats/loop")).unwrap();
        assert_eq!(ImageFolder::new(root).unwrap().class_names(), ["cats", "dogs", "hounds"]);
    }
}

#[test]
fn photos_stand_upright_on_request() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    let path = folder.path().join("a/photo.png");
    // 3 columns, 2 rows; the tag 0x0112 of EXIF says 6: turn it by 90 degrees.
    let exif = [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"[..]].concat();
    let mut file = std::fs::File::create(&path).unwrap();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut file);
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif).unwrap();
    let photo = RgbImage::from_fn(3, 2, |x, y| Rgb([(10 * y + x) as u8; 3]));
    image::ImageEncoder::write_image(encoder, &photo, 3, 2, image::ExtendedColorType::Rgb8).unwrap();
    let numbers = |images: ImageFolder| {
        images.batch(&[0]).unwrap().inputs[0].slice(ndarray::s![0, .., .., 0]).mapv(|x| (x * 255.0).round())
    };
    let images = ImageFolder::new(folder.path()).unwrap();
    assert_eq!(numbers(images.clone()), ndarray::arr2(&[[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]]));
    assert_eq!(numbers(images.exif_orientation(true)), ndarray::arr2(&[[10.0, 0.0], [11.0, 1.0], [12.0, 2.0]]));
}
