//! The well-known sets: made in the form of the real files, and, by hand, the real ones.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use gradus::data::scikit_learn;
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
fn gzipped_tables() {
    let folder = tempfile::tempdir().unwrap();
    let row = (0..10).map(|i| format!("{i}.5")).collect::<Vec<_>>().join(" ");
    zip(&folder.path().join("diabetes_data_raw.csv.gz"), &format!("{row}\n{row}\n"));
    zip(&folder.path().join("diabetes_target.csv.gz"), "1.51e+02\n7.5e+01\n");
    let diabetes = scikit_learn::diabetes(folder.path()).unwrap();
    assert_eq!(diabetes.targets().as_slice(), Some(&[151.0, 75.0][..]));
    assert_eq!(diabetes.features()[[1, 9]], 9.5);
    zip(&folder.path().join("digits.csv.gz"), &format!("{}7\n", "16,".repeat(64)));
    let digits = scikit_learn::digits(folder.path()).unwrap();
    assert_eq!((digits.features().dim(), digits.classes().unwrap()), ((1, 64), vec![7]));
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
