"""Read saved images: an invalid one is an error, never a smaller image."""

import gzip
import json
import struct
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.probes.images import saved
from tests.unit.probes.images.saved import CLEAN, File
from validation.core.errors import ProbeError
from validation.probes.images import archive, inspection, layers
from validation.probes.images.inspection import Image, read
from validation.record.events import text


def test_the_configuration_of_an_image_is_read(tmp_path: Path) -> None:
    image = read(saved.docker(tmp_path / "i.tar", config={"Cmd": ["--help"]}, history=["ARG VERSION"]), "voting-api:1")

    assert (image.name, image.user, image.architecture, image.ports) == ("voting-api:1", "65532:65532", "amd64", ("8000/tcp",))
    assert (image.entrypoint, image.command) == (("/usr/bin/python3.13", "-m", "system.api"), ("--help",))
    assert image.env == ("PATH=/usr/bin", "PYTHONPATH=/app")
    assert image.labels == {"org.opencontainers.image.title": "voting-api"}
    assert image.history == ("ARG VERSION", "COPY 0", "COPY 1")
    assert image.identity == saved.digest(
        saved.config_of([saved.packed(c) for c in CLEAN], saved.CONFIG | {"Cmd": ["--help"]}, ["ARG VERSION"])
    )


def test_an_empty_configuration_is_read(tmp_path: Path) -> None:
    nothing = {"User": None, "Env": None, "Labels": None, "Entrypoint": None, "ExposedPorts": None}
    image = read(saved.docker(tmp_path / "i.tar", config=nothing), "a:1")

    assert (image.user, image.env, image.labels, image.entrypoint, image.ports) == ("", (), {}, (), ())


def test_an_entry_has_mode_owner_size_and_target(tmp_path: Path) -> None:
    files = saved.image(
        tmp_path,
        File("bin/su", "12345", 0o4755, uid=1, gid=2),
        File("bin/link", target="../bin/su"),
        File("bin/same", target="bin/su", hard=True, mode=0o4755),
        File("bin/net", "x", pax={"SCHILY.xattr.security.capability": "\x01"}),
    ).files

    assert files["/bin/su"] == saved.entry("/bin/su", mode=0o4755, uid=1, gid=2, size=5)
    assert (files["/bin/link"].kind, files["/bin/link"].target) == ("symlink", "../bin/su")
    assert (files["/bin/same"].kind, files["/bin/same"].target, files["/bin/same"].mode) == ("hardlink", "/bin/su", 0o4755)
    assert files["/bin/net"].has_capabilities
    assert not files["/bin/su"].has_capabilities


def test_only_package_lists_and_licences_are_kept(tmp_path: Path) -> None:
    files = saved.image(tmp_path).files

    assert files["/app/packages/some-1.2.dist-info/METADATA"].content.startswith(b"Metadata-Version")
    assert files["/app/packages/some/__init__.py"].content == b""


@pytest.mark.parametrize("zipped", [False, True])
def test_both_layouts_give_the_same_image(tmp_path: Path, zipped: bool) -> None:
    first = read(saved.docker(tmp_path / "plain.tar"), "a:1")
    for other in (saved.docker(tmp_path / "docker.tar", zipped=zipped), saved.oci(tmp_path / "oci.tar", zipped=zipped)):
        image = read(other, "a:1")
        assert (image.files, image.identity, image.megabytes) == (first.files, first.identity, first.megabytes)
        assert [layer.size for layer in image.layers] == [len(saved.packed(layer)) for layer in CLEAN]


def test_a_layer_has_its_size_and_instruction(tmp_path: Path) -> None:
    image = saved.image(tmp_path, File("big", b"x" * 1_500_000))

    assert image.sizes.splitlines()[-1] == "    1.51 MB  COPY 2"


def test_a_link_to_a_shared_layer_is_followed(tmp_path: Path) -> None:
    layer = saved.packed([File("a", "1")])
    config = saved.config_of([layer], saved.CONFIG, ())
    manifest = json.dumps([{"Config": "config.json", "Layers": ["one/layer.tar"]}]).encode()
    files = [
        File("layers/x.tar", layer),
        File("one/layer.tar", target="../layers/x.tar"),
        File("config.json", config),
        File("manifest.json", manifest),
    ]
    (tmp_path / "i.tar").write_bytes(saved.packed(files))

    assert list(read(tmp_path / "i.tar", "a:1").files) == ["/a"]


class TestMergedLayers:
    def test_a_whiteout_deletes_a_file_or_a_folder(self, tmp_path: Path) -> None:
        files = saved.image(tmp_path, File("etc/key", "k"), File("opt/a/b/c", "c"), above=[File("etc/.wh.key"), File("opt/.wh.a")]).files

        assert not [path for path in files if "key" in path or path.startswith("/opt/a")]
        assert "/etc/shadow" in files

    def test_a_deleted_file_is_still_in_its_layer(self, tmp_path: Path) -> None:
        image = saved.image(tmp_path, File("etc/key", "k"), above=[File("etc/.wh.key")])

        assert [e.path for e in image.layers[2].entries] == ["/etc/key"]

    def test_an_opaque_folder_hides_only_files_of_lower_layers(self, tmp_path: Path) -> None:
        files = saved.image(
            tmp_path, File("opt/old/deep", "1"), above=[File("opt/old/new", "2"), File("opt/old/.wh..wh..opq"), File("opt/other", "3")]
        ).files

        assert sorted(path for path in files if path.startswith("/opt")) == ["/opt/old/new", "/opt/other"]

    def test_a_whiteout_does_not_delete_files_of_its_own_layer(self, tmp_path: Path) -> None:
        files = saved.image(tmp_path, File("a", "old"), above=[File("a", "newer"), File(".wh.a")]).files

        assert files["/a"].size == len("newer")

    def test_a_file_replaces_a_folder_with_its_contents(self, tmp_path: Path) -> None:
        files = saved.image(tmp_path, File("opt/x/"), File("opt/x/inner", "1"), above=[File("opt/x", "file")]).files

        assert (files["/opt/x"].kind, "/opt/x/inner" in files) == ("file", False)

    def test_a_repeated_folder_keeps_its_contents_and_changes_its_mode(self, tmp_path: Path) -> None:
        files = saved.image(tmp_path, File("opt/x/", mode=0o755), File("opt/x/inner", "1"), above=[File("opt/x/", mode=0o777)]).files

        assert (files["/opt/x"].mode, "/opt/x/inner" in files) == (0o777, True)

    def test_a_whiteout_of_a_missing_file_is_ignored(self, tmp_path: Path) -> None:
        assert "/.wh.nothing" not in saved.image(tmp_path, File(".wh.nothing"), File("no/where/.wh..wh..opq")).files


class TestInvalidArchives:
    @pytest.mark.parametrize("kept", [0, 100, 511, 512, 1500, 6000, 12_000])
    def test_a_truncated_archive_is_an_error(self, tmp_path: Path, kept: int) -> None:
        whole = saved.docker(tmp_path / "whole.tar", [[File("a", b"x" * 10_000)]]).read_bytes()
        (tmp_path / "cut.tar").write_bytes(whole[:kept])

        with pytest.raises(ProbeError, match=r"Cannot read cut\.tar as an image"):
            read(tmp_path / "cut.tar", "a:1")

    @pytest.mark.parametrize("content", [b"", b"no tar", bytes(10_240), b"\x1f\x8b\x08\x00 not gzip"])
    def test_a_file_that_is_not_an_archive_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "i.tar").write_bytes(content)

        with pytest.raises(ProbeError, match=r"Cannot read i\.tar as an image"):
            read(tmp_path / "i.tar", "a:1")

    def test_a_missing_archive_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ProbeError, match="No such file"):
            read(tmp_path / "nowhere.tar", "a:1")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("manifest.json", b"[]"),
            ("manifest.json", b"{"),
            ("manifest.json", b"[1]"),
            ("manifest.json", b'[{"Config": "nowhere.json", "Layers": []}]'),
            ("manifest.json", b"[" * 100_000),
            ("config.json", b"{}"),
            ("config.json", b'{"rootfs": {"diff_ids": ["sha256:1"]}}'),
            ("config.json", b'{"rootfs": {"diff_ids": ["sha256:1", "sha256:2"]}}'),
            ("config.json", b" " * (5 << 20)),
            ("0.tar", b"garbage"),
            ("0.tar", saved.packed([File("another", "1")])),
            ("1.tar", b"\x28\xb5\x2f\xfd zstd"),
            ("1.tar", gzip.compress(saved.packed(CLEAN[1]))[:-20]),
        ],
    )
    def test_an_inconsistent_archive_is_an_error(self, tmp_path: Path, name: str, content: bytes) -> None:
        with pytest.raises(ProbeError):
            read(saved.docker(tmp_path / "i.tar", instead={name: content}), "a:1")

    def test_a_changed_oci_blob_is_an_error(self, tmp_path: Path) -> None:
        whole = saved.oci(tmp_path / "i.tar", zipped=False).read_bytes()
        (tmp_path / "i.tar").write_bytes(whole.replace(b'"amd64"', b'"arm64"'))

        with pytest.raises(ProbeError, match="does not match its digest"):
            read(tmp_path / "i.tar", "a:1")

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(where=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
    def test_a_changed_byte_is_an_error_or_leaves_the_files_unchanged(self, tmp_path: Path, where: float, bits: int) -> None:
        whole = bytearray(saved.docker(tmp_path / "whole.tar", [[File("a", "1" * 700, 0o755)]]).read_bytes())
        right = read(tmp_path / "whole.tar", "a:1")
        whole[int(where * len(whole))] ^= bits
        (tmp_path / "changed.tar").write_bytes(whole)
        try:
            seen = read(tmp_path / "changed.tar", "a:1")
        except ProbeError:
            return
        assert seen.files == right.files


class TestHostileLayers:
    def read(self, tmp_path: Path, *layers: saved.Layer) -> Image:
        return read(saved.docker(tmp_path / "i.tar", layers), "a:1")

    @pytest.mark.parametrize("name", ["../etc/passwd", "a/../../b", "..", "a/.."])
    def test_a_path_that_leads_out_is_an_error(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ProbeError, match="leads out"):
            self.read(tmp_path, [File(name, "x")])

    @pytest.mark.parametrize(("name", "path"), [("/etc//x", "/etc/x"), ("./a/./b", "/a/b"), ("//x", "/x"), (".", "/")])
    def test_paths_are_normalized(self, tmp_path: Path, name: str, path: str) -> None:
        assert list(self.read(tmp_path, [File(name, "x")]).files) == [path]

    def test_names_that_are_not_text_are_kept_and_can_be_reported(self, tmp_path: Path) -> None:
        names = ["line\nbreak", "esc\x1b[31m", "\udcff\udcfe", "<script>", "a" * 300]
        files = self.read(tmp_path, [File(f"d/{name}", "x") for name in names]).files

        assert sorted(files) == sorted(f"/d/{name}" for name in names)
        assert text(sorted(files)).encode()

    def test_reading_writes_no_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        outside = Path(tempfile.gettempdir()) / "votecheck-hostile"
        self.read(tmp_path, [File(str(outside), "x"), File("link", target="/etc"), File("link/x", "y")])

        assert [p.name for p in tmp_path.iterdir()] == ["i.tar"]
        assert not outside.exists()

    def test_a_header_of_a_gigabyte_is_rejected_before_it_is_read(self, tmp_path: Path) -> None:
        header = tarfile.TarInfo("huge")
        header.type, header.size = tarfile.XHDTYPE, 1 << 30
        layer = gzip.compress(header.tobuf() + bytes(64 << 20), compresslevel=1)
        tracemalloc.start()
        with pytest.raises(ProbeError, match="extended header of 1073741824 bytes"):
            read(saved.docker(tmp_path / "i.tar", [b""], instead={"0.tar": layer}), "a:1")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 << 20

    def test_decompression_bombs_are_rejected(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archive, "IMAGE_MAX", 1 << 20)
        with pytest.raises(ProbeError, match="made to exhaust"):
            read(saved.docker(tmp_path / "i.tar", [[File("zeros", bytes(2 << 20))]], zipped=True), "a:1")

    def test_too_many_entries_are_rejected(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layers, "ENTRIES_MAX", 100)
        with pytest.raises(ProbeError, match="more than 100 entries"):
            self.read(tmp_path, [File(str(n)) for n in range(101)])

    def test_a_too_long_path_is_rejected(self, tmp_path: Path) -> None:
        with pytest.raises(ProbeError, match="path of more than"):
            self.read(tmp_path, [File("a/" * 3000, "x")])

    def test_a_file_after_an_invalid_header_is_not_missed(self, tmp_path: Path) -> None:
        one, two = saved.packed([File("a", "1")])[:1024], saved.packed([File("bin/sh", "2", 0o755)])
        broken = bytearray(saved.packed([File("b", "1")])[:1024])
        broken[148:156] = b"0000000\0"

        with pytest.raises(ProbeError, match="invalid header"):
            self.read(tmp_path, one + bytes(broken) + two)

    def test_a_large_file_is_listed_but_not_kept(self, tmp_path: Path) -> None:
        image = self.read(tmp_path, [File("var/lib/dpkg/status", bytes(5 << 20))])

        assert (image.files["/var/lib/dpkg/status"].size, image.files["/var/lib/dpkg/status"].content) == (5 << 20, b"")

    def test_the_size_of_kept_contents_is_bounded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inspection, "KEPT_MAX", 1000)
        files = self.read(tmp_path, [File(f"usr/share/doc/{n}/copyright", "x" * 400) for n in range(5)]).files

        assert sum(len(e.content) for e in files.values()) == 800

    def test_a_negative_size_is_an_error(self, tmp_path: Path) -> None:
        header = bytearray(saved.packed([File("a", "1")])[:512])
        header[124:136] = struct.pack(">4sq", b"\xff\xff\xff\xff", -512)
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)

        with pytest.raises(ProbeError, match="file of -512 bytes"):
            self.read(tmp_path, bytes(header) + bytes(2048))


def test_memory_depends_on_the_number_of_files_and_not_on_their_size(tmp_path: Path) -> None:
    layer = [File(f"f{n}", bytes(100_000)) for n in range(200)]
    saved.docker(tmp_path / "i.tar", [layer])
    del layer
    tracemalloc.start()
    read(tmp_path / "i.tar", "a:1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
