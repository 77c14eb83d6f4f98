//! What goes out comes back.

use ledger::record::{ReadBatch, ReadColumn, Texts};

use crate::{decode_read_batch, encode_read_batch};

#[test]
fn a_batch_comes_back_from_its_bytes() {
    let texts = Texts::from(vec!["a".to_owned(), "b".to_owned()]);
    let columns = vec![ReadColumn { texts: vec![1, 2, 0], kinds: vec![] }];
    let batch = ReadBatch { salt_key: [1; 32], rows: vec![2, 3, 9], columns, texts };
    assert_eq!(decode_read_batch(&encode_read_batch(&batch).unwrap()).unwrap(), batch);
}
