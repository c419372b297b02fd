//! What Keras' models compute here.

use super::*;

#[test]
fn sixty_models_predict_as_in_keras() {
    let values = Weights::open(folder().join("values.safetensors")).unwrap();
    let mut wrong = Vec::new();
    for n in 0..60 {
        let (inputs, expected) = (numbers(&values, n, "input"), numbers(&values, n, "output"));
        let model = match Any::open(&path(n)) {
            Ok(model) => model,
            Err(error) => {
                wrong.push(format!("{n}: {error}"));
                continue;
            }
        };
        match model.forward(&Tape::inference(), &inputs) {
            Ok(found) => {
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(&expected) {
                    let far = distance(found.value(), expected);
                    if far > 1e-5 || far.is_nan() {
                        wrong.push(format!("{n}: {far}"));
                    }
                }
            }
            Err(error) => wrong.push(format!("{n}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Steps of a model towards 0.3 in all its outputs: the losses before them and after.
fn train(model: &Any, inputs: &[Tensor], steps: usize) -> Result<[f32; 2]> {
    let loss = |tape: &Tape| -> Result<Var> {
        let outputs = model.forward(tape, inputs)?;
        let losses: Vec<Var> = outputs.iter().map(|output| (output - 0.3).square().mean()).collect();
        Ok(losses[1..].iter().fold(losses[0].clone(), |all, loss| all + loss))
    };
    let first = loss(&Tape::inference())?.item();
    let mut optimizer: Stepper = Adam::new(1e-3).into();
    for _ in 0..steps {
        let tape = Tape::training();
        let gradients = loss(&tape)?.backward()?;
        tape.commit()?;
        match model {
            Any::One(model) => optimizer.step(model, gradients)?,
            Any::Several(model) => optimizer.step(model, gradients)?,
        }
    }
    Ok([first, loss(&Tape::inference())?.item()])
}

#[test]
fn all_of_them_train() {
    let values = Weights::open(folder().join("values.safetensors")).unwrap();
    let (mut better, mut stuck) = (0, 0);
    for n in 0..60 {
        let model = Any::open(&path(n)).unwrap();
        let before: Vec<_> = model.parameters().iter().map(|(_, param)| param.value().unwrap()).collect();
        let [first, last] =
            train(&model, &numbers(&values, n, "input"), 20).unwrap_or_else(|error| panic!("{n}: {error}"));
        better += usize::from(last < first);
        for ((path, param), before) in model.parameters().iter().zip(before) {
            let stays = param.is_frozen() || param.is_state() && !path.contains("moving");
            match param.value().unwrap() != before {
                true => assert!(!stays, "{n}: {path}"),
                // Slopes of rectifiers that see nothing below zero.
                false => stuck += usize::from(!stays),
            }
        }
    }
    assert!(better > 50 && stuck < 10, "{better} {stuck}");
}
