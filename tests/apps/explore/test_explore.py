"""The explorer: its numbers, its page in a real browser, and who may talk to it."""

import base64
import gc
import http.client
import json
import os
import re
import shutil
import signal
import socket
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from tsct.apps.explore.checks import evidence, headline, labels
from tsct.apps.explore.export import as_csv, as_gr, as_png
from tsct.apps.explore.maps import quantities
from tsct.apps.explore.region import EXPLAINED, Place, changes, peaks, ray_weights, reference_of, region, why
from tsct.apps.explore.run import Run, open_run
from tsct.apps.explore.server import guarded
from tsct.records.errors import InputError, UsageError
from tsct.records.io.seal import SEAL, seal_of
from tsct.validation import check_named
from tsct.validation.evidence.region_states import roi_patterns
from tsct.validation.report import PLATES

#: a name that would run if it were taken for HTML
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(small_run, tmp_path_factory):
    """A run of which the experiment and a check have names that would run."""
    folder = tmp_path_factory.mktemp("explored") / "run"
    shutil.copytree(small_run[0], folder)
    with h5py.File(folder / "truth.h5", "r+") as handle:
        handle["entry/truth"].attrs["experiment"] = EVIL
        handle.attrs[SEAL] = seal_of(handle)
    scores = json.loads((folder / "scores.json").read_text())
    scores["checks"][0] |= {"title": EVIL, "note": EVIL, "verdict": "fail", "about": "chain"}
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
def server(explored, folder):
    return explored(folder)


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


def test_ctrl_c_at_once_is_no_failure(explored, folder):
    """Before the loop runs, too."""
    process, _ = explored(folder)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


# tornado leaves the socket that it could not bind to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_port_that_is_taken_is_said(server):
    with pytest.raises(UsageError, match="in use; leave it out"):
        guarded(lambda: None, "again", urlsplit(server[1]).port)
    gc.collect()


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


MALFORMED = (
    "%00",
    "%",
    "%zz",
    "%c0%ae",
    "%ff",
    "%2f%2f",
    "%5c..%5c",
    "a" * 300,
    "%0a",
    "con%00.js",
    "%ed%a0%80",
    "%7f",
)


@pytest.mark.parametrize(
    "below",
    [
        *("/", "/static/", "/static/js/", "/static/extensions/", "/static/extensions/panel/", "/ws/"),
        *("/autoload.js/", "/metadata/", "/components/panel/", "/static/extensions/panel/bundled/"),
    ],
)
def test_a_malformed_path_is_no_page_and_no_error_of_the_server(server, cookie, below):
    _, address = server
    for part in MALFORMED:
        for path in (below + part, below + part + "/x.js", f"{below}?{part}={part}"):
            status, _, body = ask(address, path, Cookie=cookie)
            assert status < 500 and b"Traceback" not in body, (path, status)
            if "?" not in path:
                # tornado forbids what leads out of a folder of files; a name with a zero byte is no file at all
                assert status in ((404,) if "%00" in path else (403, 404)), (path, status)
    assert ask(address, "/static/js/bokeh.min.js", Cookie=cookie)[0] == 200


# ---------------------------------------------------------------------------------------------------------------------
# the page


SIDE = 40


@pytest.fixture(scope="module")
def shared(server, watched):
    opened = watched()
    opened.page.goto(server[1])
    opened.page.wait_for_selector("text=density found", timeout=60_000)
    return opened


@pytest.fixture
def page(shared, server):
    """One page for all tests, at the last state and the first tabs; no errors, no request to another machine."""
    shared.page.click("text=Maps and voxels")
    shared.page.click("text=G(r) and dPDF")
    shared.slider("state").focus()
    shared.page.keyboard.press("End")
    shared.page.wait_for_selector("h2:has-text('state 1')")
    yield shared
    at = urlsplit(server[1])
    assert shared.errors == [] and shared.dialogs == []
    assert shared.far_requests(f"http://{at.netloc}/", f"ws://{at.netloc}/") == []


def place(page, column, row):
    """Where on the screen a corner of the voxels of the map of what was found is."""
    left, top, width, height = page.evaluate(
        """() => {
            const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name("map-found"));
            const outer = view.el.getBoundingClientRect(), frame = view.frame.bbox;
            return [outer.left + frame.left, outer.top + frame.top, frame.width, frame.height];
        }"""
    )
    return left + width * column / SIDE, top + height * (SIDE - row) / SIDE


def click_voxel(page, row, column):
    page.mouse.click(*place(page, column + 0.5, row + 0.5))


def drawn(page, column, source="r_curves"):
    return page.evaluate(
        """([column, source]) => {
            const data = Bokeh.documents[0].get_model_by_name(source).data;
            return Array.from(data.get ? data.get(column) : data[column]);
        }""",
        [column, source],
    )


def wait_for(page, curves):
    """Until the plots show these curves."""
    page.wait_for_function(
        """(value) => {
            const data = Bokeh.documents[0].get_model_by_name("r_curves").data;
            return Math.abs((data.get ? data.get("gr") : data.gr)[70] - value) < 1e-9;
        }""",
        arg=float(curves.gr[70]),
    )


def millimetres(value):
    return f"{value:.2f}".replace("-", "−")


def block(rows, columns):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[rows, columns] = True
    return Place(state=1, slice_number=0, mask=mask)


def test_a_click_shows_the_right_voxel_and_a_second_one_says_why(page, opened, voxel):
    row, column = np.argwhere(voxel.mask)[0]
    click_voxel(page.page, row, column)
    x, y = (millimetres(float(opened.found[name][k])) for name, k in (("x", column), ("y", row)))
    page.page.wait_for_selector(f"h2:has-text('Voxel x = {x} mm, y = {y} mm')")
    expected = region(opened, voxel)
    wait_for(page.page, expected)
    for name in ("gr", "gr_true", "gr_full", "dgr", "dgr_true"):
        assert drawn(page.page, name) == pytest.approx(expected[name].values, abs=1e-9), name
    assert drawn(page.page, "gr_high") == pytest.approx((expected.gr + expected.gr_errors).values, abs=1e-9)
    page.page.click("text=Why does it differ?")
    page.page.wait_for_selector(f"text={why(expected).sentence[:30]}")


def test_the_state_slider_redraws_maps_and_curves(page, opened, voxel):
    click_voxel(page.page, *np.argwhere(voxel.mask)[0])
    wait_for(page.page, region(opened, voxel))
    before = drawn(page.page, "dgr")
    page.slider("state").focus()
    page.page.keyboard.press("ArrowLeft")
    page.page.wait_for_selector("h2:has-text('state 0')")
    page.page.wait_for_function(
        """() => {
            const data = Bokeh.documents[0].get_model_by_name("r_curves").data;
            return Math.max(...(data.get ? data.get("dgr") : data.dgr).map(Math.abs)) === 0;
        }"""
    )
    assert np.max(np.abs(before)) > 0.1


def test_what_is_drawn_around_gives_its_mean_and_its_noise(page, opened, voxel):
    low, high = 16, 24
    corners = ((low, low), (high, low), (high, high), (low, high), (low, low))
    page.by_mouse([place(page.page, *corner) for corner in corners])
    page.page.wait_for_selector(f"h2:has-text('Region of {(high - low) ** 2} voxels')")
    expected = region(opened, block(slice(low, high), slice(low, high)))
    wait_for(page.page, expected)
    assert drawn(page.page, "gr") == pytest.approx(expected.gr.values, abs=1e-9)
    error = np.subtract(drawn(page.page, "gr_high"), drawn(page.page, "gr"))
    assert error == pytest.approx(expected.gr_errors.values, abs=1e-9)
    assert np.median(error) < np.median(region(opened, voxel).gr_errors) / 5
    assert len(drawn(page.page, "x", "chosen")) == (high - low) ** 2


def test_a_line_around_nothing_changes_nothing(page, opened):
    click_voxel(page.page, 20, 20)
    wait_for(page.page, region(opened, block(20, 20)))
    page.by_mouse([place(page.page, *corner) for corner in ((10.1, 10.1), (10.3, 10.1), (10.3, 10.4))])
    page.page.wait_for_timeout(300)
    assert "Voxel" in page.page.text_content("h2:visible")


def test_a_voxel_is_chosen_by_keyboard(page, opened):
    click_voxel(page.page, 20, 20)
    wait_for(page.page, region(opened, block(20, 20)))
    field = page.page.get_by_label("x (mm)")
    field.focus()
    page.page.keyboard.press("ArrowUp")
    page.page.keyboard.press("Tab")
    wait_for(page.page, region(opened, block(20, 21)))


def test_a_distance_gives_its_map(page, opened):
    page.page.locator("select:visible").first.select_option(label="G at a distance r")
    handle = page.slider("r (Å)")
    handle.focus()
    page.page.keyboard.press("ArrowRight")
    k = round(float(handle.get_attribute("aria-valuetext")) / 0.02) - 1
    expected = next(q for q in quantities(opened) if q.title.startswith("G at")).layers(opened, 1, 0, k)
    page.page.wait_for_function(
        """(value) => {
            const data = Bokeh.documents[0].get_model_by_name("map-found").renderers[0].data_source.data;
            return Math.abs((data.get ? data.get("image") : data.image)[0][20 * 40 + 20] - value) < 1e-9;
        }""",
        arg=float(expected.found[20, 20]),
    )
    page.page.locator("select:visible").first.select_option(index=0)


def test_play_goes_through_the_states_until_it_is_stopped(page):
    page.page.click("text=▶ play")
    for state in (0, 1, 0):
        page.page.wait_for_selector(f"h2:has-text('state {state}')")
    page.page.click("text=■ stop")
    page.page.wait_for_selector("text=▶ play")
    now = page.page.text_content("h2:visible")
    page.page.wait_for_timeout(1000)
    assert page.page.text_content("h2:visible") == now


def downloaded(page, label):
    with page.expect_download() as waiting:
        page.click(f"text=/^{re.escape(label)}$/")
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_downloads_hold_what_is_shown(page, opened, voxel):
    click_voxel(page.page, *np.argwhere(voxel.mask)[0])
    expected = region(opened, voxel)
    wait_for(page.page, expected)
    name, text = downloaded(page.page, "CSV")
    assert name == "explore.csv" and text == as_csv(expected).getvalue()
    name, text = downloaded(page.page, ".gr")
    rows = [line.split() for line in text.decode().splitlines()]
    start = next(k for k, row in enumerate(rows) if row[:1] == ["#L"])
    table = np.array(rows[start + 1 :], float)
    assert name == "explore.gr" and table[:, 1] == pytest.approx(drawn(page.page, "gr"), rel=1e-6)
    name, picture = downloaded(page.page, "PNG")
    layers = quantities(opened)[0].layers(opened, 1, 0, 0)
    state = page.page.text_content("h2:visible").partition("mm, ")[2].partition(" mm, ")[2]
    title = f"{EVIL}, {state}, slice 0: {quantities(opened)[0].title}"
    extent = SIDE * float(opened.found.x[1] - opened.found.x[0])
    shown, made = (plt.imread(BytesIO(one)) for one in (picture, as_png(layers, extent, expected, title).getvalue()))
    assert name == "explore.png" and np.array_equal(shown, made)


def test_a_check_shows_its_evidence(page, opened):
    page.page.click("text=/^Checks/")
    index = next(k for k, row in enumerate(opened.checks) if row["id"] == "difference.loss-position[si-si]")
    line = next(text for text, k in labels(opened).items() if k == index)
    page.page.locator("select:visible").select_option(label=line)
    page.page.wait_for_selector("h2:has-text('difference.loss-position[si-si]: ')")
    assert "why it matters" in page.page.text_content("table.facts:visible")
    assert page.page.locator("figure img:visible").evaluate("image => image.naturalWidth") > 300
    page.page.locator("select:visible").select_option(index=0)
    page.page.wait_for_selector(f"text={EVIL}")
    assert page.page.locator("img[src=x]").count() == 0


def row_of(name, verdict="fail"):
    check = check_named(name)
    known = {"id": check.id, "title": check.title, "about": check.about, "verdict": verdict}
    return known | {
        "value": 1.0,
        "unit": check.unit,
        "low": 0.0,
        "high": 0.5,
        "n": 3,
        "note": "",
        "because": "a reason",
    }


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        # the first three were once shown beside the pair distribution function
        ("map.rms-error[intensity]", "map_intensity"),
        ("map.worst-voxel[intensity]", "map_intensity"),
        ("star.half-contrast[silicon]", "map_silicon"),
        ("pdf.rw", "pdf"),
        ("difference.height", "film"),
        ("onset[2]", "trends"),
        ("errors.map-scatter", "errors"),
    ],
)
def test_the_evidence_of_a_check_is_its_own_figure(tmp_path, name, figure):
    (tmp_path / "figures").mkdir()
    for plate in PLATES:
        (tmp_path / "figures" / f"{plate.name}.png").write_bytes(plate.name.encode())
    run = Run(found=xr.Dataset(), folder=tmp_path, checks=(row_of(name),))
    assert base64.b64encode(figure.encode()).decode() + "'" in evidence(run, 0)


def test_what_the_paper_states_is_no_failure():
    run = Run(found=xr.Dataset(), checks=(row_of("pdf.far-over-near"), row_of("pdf.rw"), row_of("iq.level", "pass")))
    assert [line[0] for line in labels(run)] == ["✗", "✓", "≠"]
    assert headline(run) == "Recovered as put in: 1 of 2 checks"
    assert "not reproduced" in evidence(run, 0) and "a reason" in evidence(run, 0)


def test_the_keyboard_reaches_everything(page):
    reached = set()
    page.page.locator("select:visible").first.focus()
    for _ in range(60):
        reached.add(page.page.evaluate(FOCUSED))
        page.page.keyboard.press("Tab")
    for name in ("map", "state", "▶ play", "region of the run", "x (mm)", "y (mm)", "PNG", "CSV", ".gr"):
        assert any(name in text for text in reached), (name, reached)
    page.page.locator(".bk-tab:has-text('Why does it differ?')").focus()
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("text=counting noise (error bars)")


#: what the control that has the focus is called
FOCUSED = """() => {
    let now = document.activeElement;
    while (now && now.shadowRoot && now.shadowRoot.activeElement) now = now.shadowRoot.activeElement;
    const group = now.closest(".bk-input-group");
    return (group || now).textContent.trim() + (now.title || "");
}"""
