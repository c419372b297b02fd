//! Folders of images that are absent, empty or corrupt.

use gradus::data::ImageFolder;
use gradus::prelude::*;

use super::data_files::about;
use super::message;

#[test]
fn folders_of_images() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert_eq!(about(root, ImageFolder::new(root)), "expected a sub-folder of images for each class, got none");
    std::fs::create_dir(root.join("a")).unwrap();
    assert_eq!(
        about(root, ImageFolder::new(root)),
        "expected images (png, jpg, jpeg, jfif, bmp, gif, tif, tiff, webp) in its sub-folders, got none"
    );
    let absent = root.join("absent");
    assert!(about(&absent, ImageFolder::new(&absent)).contains("no such file"));
    let (small, large) = (root.join("a/1.png"), root.join("a/2.png"));
    image::RgbImage::new(3, 2).save(&small).unwrap();
    image::RgbImage::new(4, 2).save(&large).unwrap();
    let images = ImageFolder::new(root).unwrap();
    assert_eq!(
        about(&large, images.batch(&[0, 1])),
        format!("expected an image of 2 x 3 as {} is, got 2 x 4; bring all to one size with `size`", small.display())
    );
    for size in [0, usize::MAX] {
        assert_eq!(
            message(images.clone().size(size, 5).batch(&[0])),
            format!("ImageFolder: expected a size from 1 x 1 to 65536 x 65536, got {size} x 5")
        );
    }
    std::fs::write(&small, b"no image").unwrap();
    assert!(about(&small, images.batch(&[0])).starts_with("is not a valid image: "));
    std::fs::write(&small, "version https://git-lfs.github.com/spec/v1\n").unwrap();
    assert!(
        about(&small, images.batch(&[0])).starts_with("is not a valid image, but a pointer of Git LFS in the place of")
    );
    let heic = root.join("a/3.HEIC");
    std::fs::write(&heic, b"...").unwrap();
    assert_eq!(
        about(&heic, ImageFolder::new(root)),
        "expected images of the kinds png, jpg, jpeg, jfif, bmp, gif, tif, tiff, webp, got heic; convert it, or move it away"
    );
}
