"""What is written is whole, or is not there, whatever the file system does."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from no_room import room_for

from selfsup.files import append_whole, naming, remove_temporaries, write_whole

FREE = 4096  # bytes that may be written by other code of this process, such as pytest


@given(old=st.none() | st.binary(max_size=100), more=st.integers(-200, 5000))
@settings(max_examples=40, deadline=None)
def test_a_file_is_written_whole_or_stays_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, old: bytes | None, more: int
) -> None:
    path = tmp_path_factory.mktemp("folder") / "file"
    if old is not None:
        path.write_bytes(old)
    content = os.urandom(FREE + more)
    with room_for(FREE):
        if more <= 0:
            assert write_whole(path, content) == path
        else:
            with pytest.raises(OSError, match="file") as error:
                write_whole(path, content)
            assert error.value.errno == errno.EFBIG and error.value.filename == str(path)
    wanted = content if more <= 0 else old
    assert (path.read_bytes() if path.exists() else None) == wanted
    assert list(path.parent.iterdir()) == ([] if wanted is None else [path])


@given(old=st.integers(0, FREE), new=st.integers(0, FREE))
@settings(max_examples=40, deadline=None)
def test_a_file_is_appended_to_whole_or_stays_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, old: int, new: int
) -> None:
    path = tmp_path_factory.mktemp("folder") / "file"
    before, content = os.urandom(old), os.urandom(new)
    append_whole(path, before)
    with room_for(FREE):
        if old + new <= FREE:
            append_whole(path, content)
        else:
            with pytest.raises(OSError, match="file"):
                append_whole(path, content)
    assert path.read_bytes() == (before + content if old + new <= FREE else before)


def test_neither_links_nor_permissions_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on exFAT, and on mounts of network drives."""

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    for name in ("symlink", "link", "chmod", "fchmod", "chown", "utime"):
        monkeypatch.setattr(os, name, refuse)
    append_whole(write_whole(tmp_path / "file", b"ab"), b"cd")
    assert (tmp_path / "file").read_bytes() == b"abcd"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_an_error_keeps_its_kind_and_names_the_file(number: int) -> None:
    kind = type(OSError(number, ""))
    with pytest.raises(kind, match=f"{os.strerror(number)}: 'some/file'") as error, naming("some/file"):
        raise OSError(number, os.strerror(number))
    assert error.value.errno == number and type(error.value) is kind


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none/file"):
        write_whole(tmp_path / "none" / "file", b"")
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, b"")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_deleted_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "file", b"old")
    with monkeypatch.context() as patch:
        # A kill leaves what there is at the moment of renaming.
        patch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(Path, "unlink", lambda *arguments, **options: None)
        with pytest.raises(KeyboardInterrupt):
            write_whole(tmp_path / "file", b"new")
    assert len(list(tmp_path.iterdir())) == 2
    remove_temporaries(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert (tmp_path / "file").read_bytes() == b"old"
