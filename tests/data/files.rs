//! Folders of images and texts, and tables.

use std::path::Path;

use gradus::data::{Csv, ImageFolder, text};
use gradus::prelude::*;
use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

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
        assert!(text.starts_with(&format!("{}: is no sound image", path.display())), "{len}: {text}");
    }
    for place in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[place] ^= 0x55;
        std::fs::write(&path, &bytes).unwrap();
        let _ = images.batch(&[1]);
    }
}

fn table(text: &str) -> (TempDir, Csv) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, text).unwrap();
    (folder, Csv::new(path))
}

#[test]
fn tables_with_names_and_strings() {
    let (_folder, csv) = table("size,colour,price\n1.5,red,10\n\"2\",\"dark, blue\",20\n-3e1,red,30\n");
    let table = csv.clone().categorical("colour").target("price").read().unwrap();
    assert_eq!(table.features(), ndarray::arr2(&[[1.5, 1.0], [2.0, 0.0], [-30.0, 1.0]]));
    assert_eq!(table.targets().as_slice(), Some(&[10.0, 20.0, 30.0][..]));
    assert_eq!(table.feature_names(), ["size", "colour"]);
    assert_eq!(table.lookup("colour").unwrap().vocabulary(), ["dark, blue", "red"]);
    assert!(table.lookup("size").is_none() && table.class_names().is_empty());
    let table = csv.clone().categorical("colour").target("colour").features(["price", "size"]).read().unwrap();
    assert_eq!(table.features().row(0).to_vec(), [10.0, 1.5]);
    assert_eq!(
        (table.class_names(), table.classes().unwrap()),
        (&["dark, blue".to_string(), "red".into()][..], vec![1, 0, 1])
    );
    let table = csv.categorical("colour").target("size").target("price").read().unwrap();
    assert_eq!(table.targets(), ndarray::arr2(&[[1.5, 10.0], [2.0, 20.0], [-30.0, 30.0]]).into_dyn());
}

#[test]
fn tables_without_names_and_with_gaps() {
    let (_folder, csv) = table("1;;3\r\n4;5; 6 \r\n");
    let table = csv.separator(b';').header(false).missing(-1.0).target("2").read().unwrap();
    assert_eq!(table.features(), ndarray::arr2(&[[1.0, -1.0], [4.0, 5.0]]));
    assert_eq!(table.targets().as_slice(), Some(&[3.0, 6.0][..]));
    assert_eq!(table.len(), 2);
}

#[test]
fn texts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("pos/1.txt", "good\nfilm");
    write("neg/2.txt", "bad");
    write("neg/notes.md", "not a text of this kind");
    let texts = text::folder(folder.path()).unwrap();
    assert_eq!(texts.texts, ["bad", "good\nfilm"]);
    assert_eq!((texts.labels.to_vec(), texts.class_names), (vec![0, 1], vec!["neg".to_string(), "pos".into()]));
    write("lines", "one\r\n\ntwo ü\n");
    assert_eq!(text::lines(folder.path().join("lines")).unwrap(), ["one", "", "two ü"]);
}
