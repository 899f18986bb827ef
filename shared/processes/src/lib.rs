#![doc = include_str!("../README.md")]

mod participant;

pub use participant::{
    Answer, CANCELLED, DoInStore, DoOutside, Fences, Keys, OutsideStep, Ruling, STEP_FENCES,
    StoreStep, UndoInStore, UndoOutside, UndoableInStore, UndoableOutside,
    end_fences_of_dead_process,
};
