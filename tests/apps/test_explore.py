"""The explorer: its numbers, its page in a real browser, and who may talk to it."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import h5py
import numpy as np
import pytest

from tsct.apps.explore_checks import evidence, labels
from tsct.apps.explore_export import as_csv, as_gr, as_png
from tsct.apps.explore_maps import quantities
from tsct.apps.explore_region import EXPLAINED, Place, changes, peaks, ray_weights, reference_of, region, why
from tsct.apps.explore_run import open_run
from tsct.records.errors import InputError
from tsct.validation.roi_states import roi_patterns

#: a name that would run if it were taken for HTML
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(small_run, tmp_path_factory):
    """A run of which the experiment and a check have names that would run."""
    folder = tmp_path_factory.mktemp("explored") / "run"
    shutil.copytree(small_run[0], folder)
    with h5py.File(folder / "truth.h5", "r+") as handle:
        handle["entry/truth"].attrs["experiment"] = EVIL
    scores = json.loads((folder / "scores.json").read_text())
    scores["checks"][0] |= {"title": EVIL, "note": EVIL, "verdict": "fail"}
    (folder / "scores.json").write_text(json.dumps(scores))
    return folder


@pytest.fixture(scope="module")
def opened(folder):
    return open_run(folder)


@pytest.fixture(scope="module")
def voxel(opened):
    mask = np.zeros((40, 40), bool)
    mask[17, 24] = True
    return Place(state=1, slice_number=0, mask=mask)


@pytest.fixture(scope="module")
def followed(opened):
    return Place(state=1, slice_number=0, mask=opened.found.roi.values.astype(bool))


# ---------------------------------------------------------------------------------------------------------------------
# numbers


def test_the_followed_region_is_that_of_the_chain(opened, followed):
    curves = region(opened, followed)
    scale = opened.reference_density / curves.attrs["density"]
    assert curves.gr.values == pytest.approx(opened.found.roi_gr.values[1] * scale, abs=1e-4)
    assert curves.dgr.values == pytest.approx(opened.found.roi_dgr.values[1], abs=1e-4)


def test_errors_of_a_region_are_those_of_its_rays(opened, followed):
    """The chain sums the squared weights over all rays; here rays at the same distance share their mean variance."""
    rays = opened.found.ray_errors.sel(state=1, slice=0).fillna(0.0).values.astype(float) ** 2
    error = np.sqrt(ray_weights(opened, followed) @ rays)
    assert error == pytest.approx(opened.found.roi_counting_errors.sel(state=1, slice=0).values, rel=0.02)


def test_truth_of_a_region_is_that_of_the_checks(opened, followed):
    expected = roi_patterns(opened.truth, opened.found, opened.phases)[1]
    curves = region(opened, followed)
    assert curves.iq_true.values * curves.attrs["density_true"] == pytest.approx(expected, rel=1e-9)


def test_maps_are_slices_of_the_volumes(opened, voxel):
    pdf = next(quantity for quantity in quantities(opened) if quantity.title.startswith("G at"))
    curves, k = region(opened, voxel), 118
    layers = pdf.layers(opened, 1, 0, k)
    scale = curves.attrs["density"] / opened.reference_density
    assert layers.found[voxel.mask][0] == pytest.approx(float(curves.gr[k]) * scale, rel=1e-4)
    assert layers.error[voxel.mask][0] == pytest.approx(float(curves.gr_errors[k]) * scale, rel=1e-4)
    scale = curves.attrs["density_true"] / opened.reference_density
    assert layers.true[voxel.mask][0] == pytest.approx(float(curves.gr_true[k]) * scale, rel=1e-6)


def test_why_takes_the_difference_apart_and_more_light_leaves_truncation(opened, voxel, followed):
    parts, mean = why(region(opened, voxel)), why(region(opened, followed))
    assert parts.total == pytest.approx(np.hypot(parts.truncation, np.hypot(parts.gain, parts.rest)), rel=0.3)
    assert parts.noise > 10 * mean.noise and mean.truncation > 3 * mean.noise
    assert "truncation" in mean.sentence and EXPLAINED[0] < EXPLAINED[1]


def test_fitted_changes_of_the_region_are_those_of_the_chain(opened, followed):
    found = {one.name: one for one in changes(opened, followed, reference_of(opened))}
    names = list(opened.found.parameter.values)
    # the region's silicon scales the template here, the fitted amplitude of its reference there
    assert found["shift"].found == pytest.approx(float(opened.found.fit[1, names.index("shift")]), rel=0.1)
    assert found["shift"].true == pytest.approx(float(np.diff(opened.truth.silicon_distance.values)[0]))
    assert peaks(region(opened, followed))[0].name == "C–C, position"


def test_exports_can_be_read_again(opened, voxel, tmp_path):
    curves = region(opened, voxel)
    (tmp_path / "one.gr").write_bytes(as_gr(curves, opened.found.attrs).getvalue())
    rows = [line.split() for line in (tmp_path / "one.gr").read_text().splitlines()]
    start = next(k for k, row in enumerate(rows) if row[:1] == ["#L"])
    assert np.array(rows[start + 1 :], float)[:, 1] == pytest.approx(curves.gr.values, rel=1e-6)
    text = as_csv(curves).getvalue().decode()
    assert {"gr", "gr_true", "gr_full", "dgr"} <= set(text.splitlines()[1].split(","))
    layers = quantities(opened)[0].layers(opened, 1, 0, 0)
    assert as_png(layers, 8.0, curves, "$x^2$ and all").getvalue().startswith(b"\x89PNG")


def test_names_from_files_are_text(opened):
    assert EVIL not in evidence(opened, 0) and "&lt;img" in evidence(opened, 0)
    assert next(iter(labels(opened).values())) == 0


def test_what_cannot_be_explored_is_refused(opened, folder, tmp_path, voxel):
    with pytest.raises(InputError, match="no such file"):
        open_run(tmp_path)
    alone = tmp_path / "recovered.h5"
    alone.write_bytes((folder / "recovered.h5").read_bytes())
    bare = open_run(alone)
    assert not bare.has_volumes
    assert [quantity.axis for quantity in quantities(bare)] == ["", ""]
    with pytest.raises(InputError, match="were not kept"):
        bare.spectra("iq", 1, 0, voxel.mask)


# ---------------------------------------------------------------------------------------------------------------------
# the server


@pytest.fixture(scope="module")
def server(folder):
    """The command itself: its process and the address that it prints."""
    command = [sys.executable, "-m", "tsct.apps.cli", "explore", str(folder), "--no-browser"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    line = process.stdout.readline()
    assert line.startswith("explore: http://127.0.0.1:"), line
    yield process, line.split()[1]
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    process.stdout.close()
    assert process.returncode == 0


def ask(address, path="/", method="GET", **headers):
    """Status and headers of one request, sent byte for byte."""
    at = urlsplit(address)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in ({"Host": at.netloc} | headers).items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def cookie(server):
    _, address = server
    at = urlsplit(address)
    status, headers, _ = ask(address, f"/?{at.query}")
    assert status == 302 and headers["Location"] == "/"
    for mark in ("HttpOnly", "SameSite=Strict"):
        assert mark in headers["Set-Cookie"]
    return headers["Set-Cookie"].split(";")[0]


def test_only_loopback_is_listened_on(server):
    process, _ = server
    held = {os.readlink(link) for link in Path(f"/proc/{process.pid}/fd").iterdir() if link.is_symlink()}
    places = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in [line.split() for line in Path(table).read_text().splitlines()[1:]]:
            if row[3] == "0A" and f"socket:[{row[9]}]" in held:
                places.append(row[1].split(":")[0])
    loopback = socket.inet_aton("127.0.0.1")[::-1].hex().upper()
    assert places == [loopback]


def test_the_token_is_needed(server, cookie):
    _, address = server
    assert ask(address)[0] == 403
    assert ask(address, "/static/js/bokeh.min.js")[0] == 403
    assert ask(address, "/?token=wrong")[0] == 403
    assert ask(address, "/", Cookie=cookie[:-1])[0] == 403
    status, headers, _ = ask(address, "/", Cookie=cookie)
    assert status == 200
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_other_hosts_are_refused(server, cookie):
    _, address = server
    port = urlsplit(address).port
    for host in (
        *("evil.com", f"evil.com:{port}", f"127.0.0.1.evil.com:{port}", f"localhost.evil.com:{port}"),
        *(f"127.0.0.1:{port + 1}", "127.0.0.1", "", f"127.0.0.1.:{port}", f"localhost.:{port}", f"[::1]:{port}"),
    ):
        assert ask(address, "/", Host=host, Cookie=cookie)[0] in (400, 403), host
    for host in (f"localhost:{port}", f"LOCALHOST:{port}"):
        assert ask(address, "/", Host=host, Cookie=cookie)[0] == 200, host


def test_other_pages_are_refused(server, cookie):
    _, address = server
    at = urlsplit(address)
    upgrade = {
        **{"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"},
        **{"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Protocol": "bokeh, none", "Cookie": cookie},
    }
    for origin in (
        *("http://evil.com", f"http://{at.netloc}.evil.com", f"https://{at.netloc}", "null", ""),
        *(f"http://evil.com/http://{at.netloc}", f"http://127.0.0.1:{at.port + 1}"),
    ):
        assert ask(address, "/ws", **upgrade, Origin=origin)[0] == 403, origin
        assert ask(address, "/", Cookie=cookie, Origin=origin)[0] == 403, origin
    assert ask(address, "/ws", **upgrade)[0] == 403
    assert ask(address, "/", Cookie=cookie, Origin=f"http://{at.netloc}")[0] == 200


def test_it_only_shows(server, cookie, folder):
    _, address = server
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert ask(address, "/", method, Cookie=cookie)[0] == 405, method
    for path in (
        *("/static/../../../../etc/passwd", "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"),
        *(
            "/static/extensions/panel/..%2f..%2f..%2fetc%2fpasswd",
            f"/{folder}/truth.h5",
            "/truth.h5",
            "/proc/self/environ",
        ),
    ):
        status, _, body = ask(address, path, Cookie=cookie)
        assert status in (400, 403, 404), path
        assert b"root:" not in body and str(folder).encode() not in body


# ---------------------------------------------------------------------------------------------------------------------
# the page


@pytest.fixture
def page(server, watched):
    opened = watched()
    opened.page.goto(server[1])
    opened.page.wait_for_selector("text=density found", timeout=60_000)
    return opened


def click_voxel(page, row, column, side=40):
    """Click the middle of a voxel in the map of what was found."""
    box = page.evaluate(
        """() => {
            const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name("map-found"));
            const outer = view.el.getBoundingClientRect(), frame = view.frame.bbox;
            return [outer.left + frame.left, outer.top + frame.top, frame.width, frame.height];
        }"""
    )
    page.mouse.click(box[0] + box[2] * (column + 0.5) / side, box[1] + box[3] * (side - row - 0.5) / side)


def drawn(page, column):
    return page.evaluate(
        """(column) => {
            const data = Bokeh.documents[0].get_model_by_name("r_curves").data;
            return Array.from(data.get ? data.get(column) : data[column]);
        }""",
        column,
    )


def test_a_click_shows_the_right_voxel_and_a_second_one_says_why(page, server, opened, voxel):
    at = urlsplit(server[1])
    row, column = np.argwhere(voxel.mask)[0]
    click_voxel(page.page, row, column)
    x, y = (f"{float(opened.found[name][k]):.2f}".replace("-", "−") for name, k in (("x", column), ("y", row)))
    page.page.wait_for_selector(f"h2:has-text('Voxel x = {x} mm, y = {y} mm')")
    expected = region(opened, voxel)
    page.page.wait_for_function(
        """(value) => {
            const data = Bokeh.documents[0].get_model_by_name("r_curves").data;
            return Math.abs((data.get ? data.get("gr") : data.gr)[70] - value) < 1e-9;
        }""",
        arg=float(expected.gr[70]),
    )
    for name in ("gr", "gr_true", "gr_full", "dgr", "dgr_true"):
        assert drawn(page.page, name) == pytest.approx(expected[name].values, abs=1e-9), name
    assert drawn(page.page, "gr_high") == pytest.approx((expected.gr + expected.gr_errors).values, abs=1e-9)
    page.page.click("text=Why does it differ?")
    page.page.wait_for_selector(f"text={why(expected).sentence[:30]}")
    page.page.click("text=/^Checks/")
    page.page.wait_for_selector("text=why it matters")
    assert page.dialogs == [] and page.page.locator("img[src=x]").count() == 0
    assert page.errors == []
    assert page.far_requests(f"http://{at.netloc}/", f"ws://{at.netloc}/") == []


def test_the_state_slider_redraws_maps_and_curves(page, opened, voxel):
    before = drawn(page.page, "dgr")
    handle = page.page.locator("[role=slider]:visible").first
    handle.focus()
    page.page.keyboard.press("ArrowLeft")
    page.page.wait_for_selector("h2:has-text('state 0')")
    page.page.wait_for_function(
        """() => {
            const data = Bokeh.documents[0].get_model_by_name("r_curves").data;
            return Math.max(...(data.get ? data.get("dgr") : data.dgr).map(Math.abs)) === 0;
        }"""
    )
    assert np.max(np.abs(before)) > 0.1
    assert page.errors == []


def test_a_lasso_takes_all_voxels_inside(page, opened):
    side = 40
    box = page.page.evaluate(
        """() => {
            const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name("map-found"));
            const outer = view.el.getBoundingClientRect(), frame = view.frame.bbox;
            return [outer.left + frame.left, outer.top + frame.top, frame.width, frame.height];
        }"""
    )
    # around rows and columns 16 to 23
    low, high = (edge / side for edge in (16, 24))
    corners = ((low, low), (high, low), (high, high), (low, high), (low, low))
    places = [(box[0] + box[2] * x, box[1] + box[3] * (1 - y)) for x, y in corners]
    page.page.mouse.move(*places[0])
    page.page.mouse.down()
    for place in places[1:]:
        page.page.mouse.move(*place, steps=8)
    page.page.mouse.up()
    page.page.wait_for_selector("h2:has-text('Region of 64 voxels')")
    mask = np.zeros((side, side), bool)
    mask[16:24, 16:24] = True
    expected = region(opened, Place(state=1, slice_number=0, mask=mask))
    assert drawn(page.page, "gr") == pytest.approx(expected.gr.values, abs=1e-9)
    assert page.errors == []
