//! The well-known sets: made in the form of the real files, and, by hand, the real ones.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use gradus::data::{idx, scikit_learn};
use gradus::prelude::*;

fn zip(path: &Path, text: &str) {
    let mut encoder = GzEncoder::new(std::fs::File::create(path).unwrap(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

#[test]
fn tables_with_a_line_of_classes() {
    let folder = tempfile::tempdir().unwrap();
    let text = "3,4,setosa,versicolor,virginica\n5.1,3.5,1.4,0.2,0\n6.4,3.2,4.5,1.5,1\n6.3,3.3,6.0,2.5,2\n";
    std::fs::write(folder.path().join("iris.csv"), text).unwrap();
    let iris = scikit_learn::iris(folder.path()).unwrap();
    assert_eq!(iris.features().row(1).to_vec(), [6.4, 3.2, 4.5, 1.5]);
    assert_eq!(iris.classes().unwrap(), [0, 1, 2]);
    assert_eq!(iris.class_names(), ["setosa", "versicolor", "virginica"]);
    assert_eq!(iris.feature_names()[3], "petal width (cm)");
    assert_eq!(iris.batch(&[2, 0]).unwrap().targets[0].as_slice(), Some(&[2.0, 0.0][..]));
    std::fs::write(folder.path().join("wine_data.csv"), "1,2,a,b\r\n1e2,-3,1\r\n").unwrap();
    let wine = scikit_learn::wine(folder.path()).unwrap();
    assert_eq!(
        (wine.features().row(0).to_vec(), wine.feature_names()),
        (vec![100.0, -3.0], &["0".into(), "1".into()][..])
    );
}

#[test]
fn gzipped_tables_of_one_member_or_several() {
    let folder = tempfile::tempdir().unwrap();
    let row = (0..10).map(|i| format!("{i}.5")).collect::<Vec<_>>().join(" ");
    zip(&folder.path().join("diabetes_data_raw.csv.gz"), &format!("{row}\n").repeat(442));
    zip(&folder.path().join("diabetes_target.csv.gz"), &"1.51e+02\n7.5e+01\n".repeat(221));
    let diabetes = scikit_learn::diabetes(folder.path()).unwrap();
    assert_eq!(diabetes.targets().as_slice().unwrap()[..2], [151.0, 75.0]);
    assert_eq!(diabetes.features()[[441, 9]], 9.5);
    // Two files one after the other, as `bgzip`, `pigz` and `cat` write them.
    let path = folder.path().join("digits.csv.gz");
    let mut bytes = Vec::new();
    for (digit, count) in [(7, 1000), (3, 797)] {
        zip(&path, &format!("{}{digit}\n", "16,".repeat(64)).repeat(count));
        bytes.extend(std::fs::read(&path).unwrap());
    }
    std::fs::write(&path, &bytes).unwrap();
    let digits = scikit_learn::digits(folder.path()).unwrap();
    assert_eq!((digits.features().dim(), digits.classes().unwrap()[1796]), ((1797, 64), 3));
}

fn idx_bytes(kind: u8, sizes: &[u32], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(body);
    bytes
}

#[test]
fn idx_files_of_any_name_type_and_axes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let pixels: Vec<u8> = (0..12).collect();
    std::fs::write(path("emnist-letters-train-images-idx3-ubyte"), idx_bytes(8, &[2, 3, 2], &pixels)).unwrap();
    std::fs::write(path("emnist-letters-train-labels-idx1-ubyte"), idx_bytes(8, &[2], &[1, 26])).unwrap();
    let train = mnist::load_files(
        path("emnist-letters-train-images-idx3-ubyte"),
        path("emnist-letters-train-labels-idx1-ubyte"),
    );
    let train = train.unwrap().transpose().map_labels(|label| label - 1);
    assert_eq!(train.labels().to_vec(), [0, 25]);
    assert_eq!(train.images(), ndarray::arr3(&[[[0, 2, 4], [1, 3, 5]], [[6, 8, 10], [7, 9, 11]]]));
    // QMNIST: 32-bit integers, the class in the first of several columns; here zipped, and asked for without `.gz`.
    let labels: Vec<u8> = [5_i32, 2_900_000, 7, -1].iter().flat_map(|x| x.to_be_bytes()).collect();
    let mut encoder =
        GzEncoder::new(std::fs::File::create(path("qmnist-idx2-int.gz")).unwrap(), Compression::default());
    encoder.write_all(&idx_bytes(12, &[2, 2], &labels)).unwrap();
    encoder.finish().unwrap();
    let test = mnist::load_files(path("emnist-letters-train-images-idx3-ubyte"), path("qmnist-idx2-int")).unwrap();
    assert_eq!(test.labels().to_vec(), [5, 7]);
    assert_eq!(test.images().dim(), (2, 3, 2));
    let all = idx::load::<i32>(path("qmnist-idx2-int.gz")).unwrap();
    assert_eq!(all, ndarray::arr2(&[[5, 2_900_000], [7, -1]]).into_dyn());
    assert!(
        idx::load::<u8>(path("qmnist-idx2-int.gz")).unwrap_err().to_string().contains("u8 holds exactly, got 2900000")
    );
    std::fs::write(path("colour"), idx_bytes(8, &[1, 2, 2, 3], &pixels)).unwrap();
    assert_eq!(idx::load::<f32>(path("colour")).unwrap()[[0, 1, 0, 2]], 8.0);
    std::fs::write(path("short"), idx_bytes(11, &[2], &[0xff, 0xfe, 1, 0])).unwrap();
    assert_eq!(idx::load::<f32>(path("short")).unwrap().as_slice(), Some(&[-2.0, 256.0][..]));
    let doubles: Vec<u8> = [0.5_f64, -1e300].iter().flat_map(|x| x.to_be_bytes()).collect();
    std::fs::write(path("double"), idx_bytes(14, &[2], &doubles)).unwrap();
    assert_eq!(idx::load::<f64>(path("double")).unwrap().as_slice(), Some(&[0.5, -1e300][..]));
    assert!(idx::load::<f32>(path("double")).is_err() && idx::load::<i64>(path("double")).is_err());
}

#[test]
#[ignore = "needs the files that .ci/weights fetches"]
fn the_real_files() {
    let weights = std::env::var_os("WEIGHTS").map_or_else(|| PathBuf::from("target/weights"), PathBuf::from);
    let folder = weights.join("scikit_learn");
    let sets = [
        (scikit_learn::iris(&folder), (150, 4), 3),
        (scikit_learn::wine(&folder), (178, 13), 3),
        (scikit_learn::breast_cancer(&folder), (569, 30), 2),
        (scikit_learn::diabetes(&folder), (442, 10), 0),
        (scikit_learn::digits(&folder), (1797, 64), 10),
    ];
    for (set, shape, classes) in sets {
        let set = set.unwrap();
        assert_eq!((set.features().dim(), set.class_names().len()), (shape, classes));
        if classes == 0 {
            continue;
        }
        let (train, test) = set.stratified_split(0.7, 1).unwrap();
        let normal = Normalization::new();
        normal.adapt(&train).unwrap();
        let mut model = Sequential::new()
            .add(normal)
            .add(Dense::new(32).activation(Relu))
            .add(Dense::new(classes).activation(Softmax))
            .compile(Adam::new(0.01), SparseCrossEntropy::default())
            .metric(Accuracy::default());
        model.fit(&train, Fit::epochs(30).progress(false)).unwrap();
        let accuracy = model.evaluate(&test).unwrap()["accuracy"];
        println!("{shape:?}: {accuracy:.3}");
        assert!(accuracy > 0.9);
    }
}
