"""The reader's own file comes in whole, or the message says what is wrong with it."""

import pytest

from llmbook.corpora import text_file


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"hello", "hello"),
        ("深度学习\n".encode(), "深度学习\n"),
        (b"\xef\xbb\xbfhello", "hello"),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"a\x00", "a\x00"),
        ("👩‍👩‍👧".encode(), "👩‍👩‍👧"),
        (b"ab", "ab"),
    ],
)
def test_utf8_comes_in(tmp_path, raw, text):
    path = tmp_path / "my text.txt"
    path.write_bytes(raw)
    assert text_file(path) == text_file(str(path)) == text


@pytest.mark.parametrize(
    ("raw", "byte", "offset", "line"),
    [
        (b"caf\xe9", "0xe9", 3, 1),
        (b"one\ntwo\nthree \x93quoted\x94", "0x93", 14, 3),
        (b"\xef\xbb\xbfab\n\xff", "0xff", 6, 2),
        (b"cut off \xe6\xb7", "0xe6", 8, 1),
        (b"overlong \xc0\x80", "0xc0", 9, 1),
        (b"surrogate \xed\xa0\x80", "0xed", 10, 1),
        (b"\x80", "0x80", 0, 1),
    ],
)
def test_a_wrong_byte_is_named_with_its_place_and_the_remedy(tmp_path, raw, byte, offset, line):
    path = tmp_path / "latin.txt"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="is not UTF-8") as caught:
        text_file(path)
    message = str(caught.value)
    assert f"byte {byte} at offset {offset} (line {line})" in message
    assert raw[offset] == int(byte, 16)
    assert "iconv -f" in message
    assert str(path) in message


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_recognised(tmp_path, encoding):
    path = tmp_path / "wide.txt"
    path.write_bytes("\ufeffhello".encode(encoding))
    with pytest.raises(ValueError, match="iconv -f UTF-16"):
        text_file(path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"x", "single character 'x'"),
        ("漢".encode(), "single character '漢'"),
        (b"\r\n", "single character"),
    ],
)
def test_too_short_a_text_is_refused(tmp_path, raw, message):
    path = tmp_path / "short.txt"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        text_file(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nothing\.txt; the current folder is"):
        text_file(tmp_path / "nothing.txt")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        text_file(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    """Simulated, because root may read every file."""

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "locked.txt"
    path.write_text("secret")
    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(PermissionError, match=r"locked\.txt may not be read"):
        text_file(path)
