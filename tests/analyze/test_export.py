"""What is written for other programs is what they read."""

import configparser
import os

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.analyze.export import resolution_facts, write_gr, write_ndtomo, write_pdfgetx3, write_xye
from tsct.analyze.pdf.curves import curve_records
from tsct.records.errors import InputError, TsctWarning

R = 0.02 * np.arange(1, 400)
G, ERRORS = np.sin(R) / R, 0.01 + 0.001 * R
FACTS = {"composition": "Si0.5 C0.5", "qmin": 0.8, "qmax": 20.0, "wavelength": 0.12398}


@pytest.fixture
def gr(tmp_path):
    write_gr(tmp_path / "a.gr", R, G, ERRORS, FACTS)
    return tmp_path / "a.gr"


def test_pdffit2_reads_the_curve_and_its_errors(gr):
    pdffit2 = pytest.importorskip("diffpy.pdffit2")
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        pdffit2.redirect_stdout(nowhere)
        fit = pdffit2.PdfFit()
        fit.read_data(str(gr), "X", 20.0, 0.03)
    np.testing.assert_allclose(fit.getpdf_obs(), G, atol=1e-6)
    np.testing.assert_allclose(fit.getR(), R, atol=1e-6)


def test_diffpy_reads_r_g_dr_and_dg(gr):
    from diffpy.utils.parsers import load_data

    columns = load_data(str(gr)).T
    np.testing.assert_allclose(columns[[0, 1, 3]], [R, G, ERRORS], rtol=1e-7)
    assert not columns[2].any()


def test_diffpy_reads_the_header(gr):
    from diffpy.utils.parsers import load_data

    header = load_data(str(gr), headers=True)
    assert header["qmax"] == 20.0 and header["wavelength"] == pytest.approx(0.12398)
    assert header["composition"] == "Si0.5 C0.5"


def test_models_are_told_the_resolution_that_is_left(tmp_path):
    """The damping was divided out, so a model must have none; the broadening stays in the data."""
    parser = pytest.importorskip("diffpy.srfit.pdf.pdfparser").PDFParser()
    write_gr(tmp_path / "a.gr", R, G, ERRORS, FACTS | resolution_facts(0.03, 0.01))
    parser.parseFile(str(tmp_path / "a.gr"))
    meta = parser.getMetaData()
    assert meta["qdamp"] == 0.0 and meta["qbroad"] == 0.01 and meta["qmax"] == 20.0
    assert resolution_facts(0.0, 0.0) == {}


def test_every_reader_of_columns_takes_xye(tmp_path):
    for header in (None, "topas", "hash"):
        write_xye(tmp_path / "a.xye", R, 2 + G, ERRORS, header=header)
        comments = "'" if header == "topas" else "#"
        np.testing.assert_allclose(
            np.genfromtxt(tmp_path / "a.xye", comments=comments).T, [R, 2 + G, ERRORS], rtol=1e-7
        )


def test_infinite_weights_and_misread_keys_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"row 1 is .*positive errors only"):
        write_xye(tmp_path / "a.xye", R, G, 0 * R)
    with pytest.raises(InputError, match="doping or temperature"):
        write_gr(tmp_path / "a.gr", R, G, facts={"temperature": 300.0})
    assert not list(tmp_path.iterdir())


def test_a_volume_for_ndtomo_is_square_with_its_axis(tmp_path):
    values = np.random.default_rng(1).random((4, 6, 11)).astype(np.float32)
    q = np.linspace(1, 20, 11)
    write_ndtomo(tmp_path / "v.h5", values, q)
    # as the loader of nDTomo looks: data at the root, and an axis as long as the third dimension
    with h5py.File(tmp_path / "v.h5") as handle:
        data, axis = handle["data"][()], handle["q"][()]
    assert data.shape == (6, 6, 11) and len(axis) == data.shape[2]
    np.testing.assert_array_equal(data[5, 3], values[3, 5])
    assert not data[:, 4:].any()
    with pytest.warns(TsctWarning, match="cannot tell which is which"):
        write_ndtomo(tmp_path / "v.h5", values[:, :, :6], q[:6])


def test_a_configuration_of_pdfgetx3_is_an_ini_file_beside_its_patterns(tmp_path):
    write_pdfgetx3(tmp_path, {"a": (R, G), "b": (R, G)}, FACTS)
    config = configparser.ConfigParser()
    config.read(tmp_path / "pdfgetx3.cfg", encoding="utf-8")
    found = config.defaults()
    assert found["dataformat"] == "QA" and found["composition"] == "Si0.5 C0.5" and float(found["qmax"]) == 20.0
    assert found["outputtype"] == "sq, fq, gr" and "outputtypes" not in found
    assert found["inputfile"].splitlines() == ["a.xy", "b.xy"]
    for name in found["inputfile"].split():
        np.testing.assert_allclose(np.loadtxt(tmp_path / name).T, [R, G], rtol=1e-7)


def test_curves_have_the_names_of_the_field():
    q = np.linspace(1.0, 20.0, 50)
    found = xr.Dataset(
        {
            "roi_iq": (("state", "q"), np.ones((2, 50)), {"units": "electron units/atom"}),
            "roi_fq": (("state", "q_used"), np.ones((2, 50)), {"units": "1/angstrom"}),
            "roi_gr": (("state", "r"), np.stack([G, G]), {"units": "1/angstrom^2"}),
            "roi_gr_errors": (("state", "r"), np.stack([ERRORS, ERRORS]), {"units": "1/angstrom^2"}),
        },
        coords={"state": [0, 3], "q": q, "q_used": q, "r": R},
    )
    records = curve_records(found)
    assert list(records) == ["iq", "sq", "fq", "gr"]
    np.testing.assert_allclose(records["sq"].sq[1], 1 + 1 / q)
    assert records["gr"].gr.dims == ("state", "r") and records["iq"].iq.dims == ("state", "Q")
    np.testing.assert_array_equal(records["gr"].gr_errors[0], ERRORS)
