"""Contact sheets: the same bytes again, one image per room or instance, refusals in one line."""

import cv2
import numpy as np
import pytest
from command_lines import complaint
from pictures import read_picture

from thor_interact_env.gallery.command_line import INSTANCES, GalleryError, main, room_image, type_images


def test_instances_of_a_type_differ_and_replay_exactly():
    images = type_images("Mug", 3)
    assert [image.shape for image in images] == [(300, 300, 3)] * 3
    for image, again in zip(images, type_images("Mug", 3), strict=True):
        assert np.array_equal(image, again)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.mean(np.any(images[first] != images[second], axis=2)) > 0.05


def test_an_object_fills_its_image():
    for name in ("Sofa", "Mug", "Fork"):
        image = type_images(name, 1)[0].astype(int)
        # The floor and the wall are light grey; what is not is the object, in the middle of the image.
        coloured = (np.ptp(image, axis=2) > 25) | (image.mean(axis=2) < 100)
        rows, columns = np.nonzero(coloured)
        assert coloured.mean() > 0.01, name
        assert max(np.ptp(rows), np.ptp(columns)) > 120, name
        assert abs(columns.min() + columns.max() - 300) < 90, name


def test_a_room_is_seen_whole():
    image = room_image("FloorPlan301")
    assert 40 < image.mean() < 215
    assert cv2.Laplacian(image, cv2.CV_32F).std() > 5


def test_an_agents_view_is_another_and_replays(tmp_path):
    names = ["first", "again"]
    for name in names:
        main(["--out", str(tmp_path / name), "--view", "agent", "--rooms", "Procedural1"])
    first, again = ((tmp_path / name / "rooms_living_room.png").read_bytes() for name in names)
    assert first == again
    seen = read_picture(tmp_path / "first" / "rooms_living_room.png")[:300]
    assert np.mean(seen[..., ::-1] != room_image("Procedural1")) > 0.5


def test_small_sheets_show_what_was_asked_for(tmp_path, capsys):
    main(["--out", str(tmp_path), "--small", "--types", "Egg", "Mug"])
    assert capsys.readouterr().out.split() == [str(tmp_path / "types_small.jpg")]
    assert read_picture(tmp_path / "types_small.jpg").shape == (64, 2 * 64, 3)


def test_sheets_are_written_whole(tmp_path, capfd):
    main(["--out", str(tmp_path / "new"), "--rooms", "FloorPlan1", "FloorPlan2", "--types", "Egg"])
    files = [str(tmp_path / "new" / name) for name in ("rooms_kitchen.png", "types_1.png")]
    printed = capfd.readouterr()
    # OpenCV's warnings go past Python's own streams.
    assert printed.out.split() == files and not printed.err
    rooms, types = (read_picture(name) for name in files)
    assert rooms.shape[1] == 2 * 300 and types.shape[1] == INSTANCES * 120
    assert len(list((tmp_path / "new").iterdir())) == 2


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--types", "Mugg"], "Mugg"),
        (["--rooms", "FloorPlan31"], "FloorPlan31"),
        (["--colour"], "--colour"),
        (["--rooms", "FloorPlan1", "--types", "Mugg"], "Mugg"),
        (["--small", "--rooms", "FloorPlan31"], "FloorPlan31"),
        (["--fixtures", "--types", "Mug"], "not allowed with --types"),
        (["--fixtures", "--small"], "not allowed with --small"),
        (["--fixtures", "--view", "agent"], "not allowed with --view"),
    ],
)
def test_mistakes_are_one_line(tmp_path, capsys, words, named):
    assert named in complaint(main, capsys, "--out", tmp_path / "new", *words)
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert "taken" in complaint(main, capsys, "--out", tmp_path / "taken", "--rooms", "FloorPlan1")


def test_an_unknown_type_is_named():
    with pytest.raises(GalleryError, match=r"'Unicorn'.*Mug"):
        type_images("Unicorn")


def test_views_and_fixtures_of_a_room(tmp_path, capsys):
    main(["--out", str(tmp_path), "--rooms", "FloorPlan401", "--view", "agent"])
    main(["--out", str(tmp_path), "--rooms", "FloorPlan401", "--fixtures"])
    written = capsys.readouterr().out.split()
    # A bathroom has more kinds of fixtures than fit on one sheet, or not; a view is one image.
    assert written[:2] == [str(tmp_path / "rooms_bathroom.png"), str(tmp_path / "fixtures_1.png")]
    view, fixtures = (read_picture(name) for name in written[:2])
    assert view.shape[:2] == (318, 300)
    assert fixtures.shape[1] == INSTANCES * 120 and fixtures.shape[0] % 138 == 0 and fixtures.shape[0] > 138
    assert np.mean(view[:300] != room_image("FloorPlan401")[..., ::-1]) > 0.5
