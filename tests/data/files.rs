//! Folders of images and texts, and tables.

use std::path::Path;

use gradus::data::text::{Encoding, TextFiles};
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
        assert!(text.starts_with(&format!("{}: is not a valid image", path.display())), "{len}: {text}");
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

fn write(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
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

#[test]
fn texts_of_other_encodings() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good/deep/1.txt", b"\xef\xbb\xbffine film");
    write(folder.path(), "good/2.txt", b"caf\xe9");
    write(folder.path(), "bad/3.txt", b"\xff\xfeb\0a\0d\0");
    write(folder.path(), "bad/notes.md", "");
    write(folder.path(), ".cache/4.txt", "hidden");
    let text = text::folder(folder.path()).unwrap_err().to_string();
    assert!(text.starts_with(&format!("{}: line 1: ", folder.path().join("good/2.txt").display())), "{text}");
    let lossy = TextFiles::new(folder.path()).encoding(Encoding::Utf8Lossy).read().unwrap();
    assert_eq!(lossy.texts, ["bad", "caf\u{fffd}", "fine film"]);
    assert_eq!(
        (lossy.class_names, lossy.left_out),
        (vec!["bad".to_string(), "good".into()], vec![folder.path().join("bad/notes.md")])
    );
    let older =
        TextFiles::new(folder.path()).encoding(Encoding::Windows1252).classes(["good", "new", "bad"]).read().unwrap();
    assert_eq!((older.texts[0].as_str(), older.labels.to_vec()), ("café", vec![0, 0, 2]));
    assert_eq!(text::lines_with(folder.path().join("good/2.txt"), Encoding::Windows1252).unwrap(), ["café"]);
    assert_eq!(text::lines(folder.path().join("good/deep/1.txt")).unwrap(), ["fine film"]);
}

#[test]
fn missing_values_of_a_table_are_those_of_pandas() {
    let strings = [
        "", " ", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
        "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    ];
    let text: String = strings.iter().map(|string| format!("1,{string},a\n")).collect();
    let (_folder, csv) = table(&format!("x,y,class\n{text}2,7,b\n3,8,NA\n"));
    let read = csv.clone().features(["x", "y"]).missing(-1.0).read().unwrap();
    assert_eq!(read.features().column(1).iter().filter(|x| **x == -1.0).count(), 20);
    // Targets are never filled, and the missing one is no class.
    let target = csv.clone().missing(0.0).categorical("class").target("class");
    assert!(target.read().unwrap_err().to_string().contains("line 23, target `class`: the value is missing, got `NA`"));
    let read = target.drop_missing(true).read().unwrap();
    assert_eq!(
        (read.len(), read.class_names(), read.features()[[20, 1]]),
        (21, &["a".to_string(), "b".into()][..], 7.0)
    );
    // As a feature it has a number of its own.
    let read = csv.clone().categorical("class").missing(0.0).missing_of("class", -1.0).read().unwrap();
    assert_eq!(read.features().column(2).iter().skip(20).copied().collect::<Vec<_>>(), [1.0, -1.0]);
    let read = csv.missing(0.0).categorical("class").missing_strings_of("class", [""]).target("class").read().unwrap();
    assert_eq!(read.class_names(), ["NA", "a", "b"]);
    let (_folder, csv) = table("x,y\n?,NA\n-,1\n");
    let csv = csv.missing(5.0).missing_string("?").missing_string("-").categorical("y");
    let read = csv.clone().default_missing_strings(false).read().unwrap();
    assert_eq!(read.features(), ndarray::arr2(&[[5.0, 1.0], [5.0, 0.0]]));
    assert_eq!(csv.drop_missing(true).read().unwrap().features(), ndarray::arr2(&[[5.0, 5.0], [5.0, 0.0]]));
}

#[test]
fn tables_in_the_marks_of_others() {
    let (_folder, csv) = table("# prices\nsize;price;sold\n1,5;1.234,5;TRUE\n   \n-2; 7 ;FALSE # today\n");
    let csv = csv.separator(b';').decimal(b',').thousands(b'.').comment(b'#');
    let read = csv.categorical("sold").target("sold").trim(true).read().unwrap();
    assert_eq!(read.features(), ndarray::arr2(&[[1.5, 1234.5], [-2.0, 7.0]]));
    assert_eq!(read.class_names(), ["FALSE", "TRUE"]);
    let (_folder, csv) = table("a,a,b\n1,TRUE,16777217\n2,false,2\n");
    let read = csv.clone().round_large_numbers(true).read().unwrap();
    assert_eq!(read.feature_names(), ["a", "a.1", "b"]);
    assert_eq!(read.features(), ndarray::arr2(&[[1.0, 1.0, 16_777_217.0 as Float], [2.0, 0.0, 2.0]]));
    let (_folder, csv) = table("a,b\n1.5,x\n");
    assert!(csv.decimal(b';').read().unwrap_err().to_string().contains("got `1.5`"));
}

#[test]
fn tables_zipped_and_in_utf_16() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv.gz");
    let mut bytes = Vec::new();
    for text in ["a,b\n1,", "2\n3,4\n"] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        bytes.extend(encoder.finish().unwrap());
    }
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(Csv::new(&path).read().unwrap().features(), ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    let path = folder.path().join("excel.csv");
    let text: Vec<u8> = "\u{feff}größe\tb\r\n1\t2\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(&path, text).unwrap();
    let read = Csv::new(&path).separator(b'\t').read().unwrap();
    assert_eq!((read.feature_names()[0].as_str(), read.features()[[0, 1]]), ("größe", 2.0));
    std::fs::write(&path, b"gr\xf6\xdfe,b\n1,2\n").unwrap();
    let read = Csv::new(&path).encoding(Encoding::Windows1252).read().unwrap();
    assert_eq!(read.feature_names()[0], "größe");
}
