"""Claims about a server of the Open Inference Protocol, by what is on the wire: JSON, binary tensors, and abuse."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from cmcore.testing.open_inference_malformed import GOOD, MALFORMED, Malformed, deserved, sent
from cmcore.testing.open_inference_wire import Served, asked, asked_in_binary, floats, texts, texts_of
from cmcore.testing.serving_models import to_echo

TWO_ROWS = asked("x", "FP32", 2, [1.0, 2.0, 3.0, 4.5], columns=2)
IN_BINARY: dict[str, JsonValue] = {"binary_data": True}


class DescriptionClaims:
    """What a server says of itself and of its models."""

    @pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2"])
    def test_a_server_that_serves_says_so(self, served: Served, path: str) -> None:
        assert served.get(path).status == 200

    def test_the_server_names_itself_and_its_version(self, served: Served) -> None:
        told = served.get("/v2")
        assert (bool(told.part("name")), isinstance(told.part("version"), str)) == (True, True)

    def test_the_server_lists_the_extension_for_binary_tensors(self, served: Served) -> None:
        assert "binary_tensor_data" in str(served.get("/v2").part("extensions"))

    def test_a_loaded_model_is_ready(self, served: Served) -> None:
        assert served.get(served.path(served.doubling, "ready")).status == 200

    def test_a_version_of_a_loaded_model_is_ready(self, served: Served) -> None:
        assert served.get(served.path(served.doubling, "versions", "1", "ready")).status == 200

    def test_a_model_that_nobody_has_is_not_ready(self, served: Served) -> None:
        assert 400 <= served.get(served.path("cm-nobody", "ready")).status < 500

    def test_a_model_that_nobody_has_is_an_error_in_the_protocols_form(self, served: Served) -> None:
        told = served.get(served.path("cm-nobody"))
        assert (400 <= told.status < 500, "cm-nobody" in str(told.part("error"))) == (True, True)

    @pytest.mark.parametrize("version", [(), ("versions", "1")], ids=["model", "version"])
    def test_a_model_tells_its_name(self, served: Served, version: tuple[str, ...]) -> None:
        assert served.get(served.path(served.doubling, *version)).part("name") == served.doubling

    def test_a_model_tells_its_platform(self, served: Served) -> None:
        assert served.get(served.path(served.doubling)).part("platform")

    def test_a_model_tells_its_inputs_with_rows_of_any_number(self, served: Served) -> None:
        expected = [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]
        assert served.get(served.path(served.doubling)).part("inputs") == expected

    def test_a_model_tells_its_outputs_with_rows_of_any_number(self, served: Served) -> None:
        expected = [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}]
        assert served.get(served.path(served.doubling)).part("outputs") == expected

    def test_a_path_that_there_is_not_is_an_error(self, served: Served) -> None:
        assert 400 <= served.get("/v2/nowhere").status < 500

    def test_an_inference_that_is_only_looked_at_is_an_error(self, served: Served) -> None:
        assert 400 <= served.get(served.path(served.doubling, "infer")).status < 500


class JsonClaims:
    """Requests and answers as JSON."""

    @pytest.mark.parametrize("version", ["", "1"])
    def test_a_request_is_answered(self, served: Served, version: str) -> None:
        assert served.infer(served.doubling, TWO_ROWS, version=version).part("outputs", 0, "data") == [2, 4, 6, 9]

    def test_a_version_that_there_is_not_is_an_error(self, served: Served) -> None:
        assert 400 <= served.infer(served.doubling, TWO_ROWS, version="77").status < 500

    def test_an_answer_describes_its_outputs(self, served: Served) -> None:
        told = served.infer(served.doubling, TWO_ROWS)
        assert [told.part("outputs", 0, key) for key in ("name", "datatype", "shape")] == ["y", "FP32", [2, 2]]

    def test_an_answer_names_its_model(self, served: Served) -> None:
        assert served.infer(served.doubling, TWO_ROWS).part("model_name") == served.doubling

    def test_nested_elements_are_taken_as_well(self, served: Served) -> None:
        told = served.infer(served.doubling, asked("x", "FP32", 2, [[1.0, 2.0], [3.0, 4.5]], columns=2))
        assert told.part("outputs", 0, "data") == [2, 4, 6, 9]

    def test_whole_numbers_are_floats_as_well(self, served: Served) -> None:
        told = served.infer(served.doubling, asked("x", "FP32", 1, [1, 2], columns=2))
        assert told.part("outputs", 0, "data") == [2, 4]

    def test_the_id_comes_back(self, served: Served) -> None:
        assert served.infer(served.doubling, {**TWO_ROWS, "id": "a/1 é"}).part("id") == "a/1 é"

    def test_only_outputs_that_are_asked_for_are_given(self, served: Served) -> None:
        told = served.infer(served.moody, asked("text", "BYTES", 1, ["four"], outputs=[{"name": "length"}]))
        assert [output["name"] for output in told.outputs()] == ["length"]

    def test_texts_are_texts(self, served: Served) -> None:
        told = served.infer(served.moody, asked("text", "BYTES", 2, ["Zürich", ""], outputs=[{"name": "length"}]))
        assert told.part("outputs", 0, "data") == [6, 0]

    def test_parameters_that_mean_nothing_are_passed_over(self, served: Served) -> None:
        with_one = asked("x", "FP32", 1, [1.0, 2.0], columns=2, parameters={"odd": 1})
        assert served.infer(served.doubling, with_one).status == 200

    def test_a_wrong_request_is_an_error_in_the_protocols_form(self, served: Served) -> None:
        told = served.infer(served.doubling, asked("q", "FP32", 1, [1.0, 2.0], columns=2))
        assert (400 <= told.status < 500, "q" in str(told.part("error"))) == (True, True)

    def test_a_request_to_a_model_that_nobody_has_is_an_error_in_the_protocols_form(self, served: Served) -> None:
        told = served.infer("cm-nobody", TWO_ROWS)
        assert (400 <= told.status < 500, isinstance(told.part("error"), str)) == (True, True)

    def test_what_a_predictor_raises_is_an_error_in_the_protocols_form(self, served: Served) -> None:
        told = served.infer(served.moody, asked("text", "BYTES", 1, ["raise!"]))
        assert (told.status >= 400, "no length of 'raise!' can be told" in str(told.part("error"))) == (True, True)


class BinaryClaims:
    """The extension for binary tensors, which clients use unless they are told not to."""

    def test_binary_elements_are_taken(self, served: Served) -> None:
        raw = floats(1, 2, 3, 4.5)
        told = served.infer(served.doubling, asked_in_binary("x", "FP32", 2, raw, columns=2), raw)
        assert told.part("outputs", 0, "data") == [2, 4, 6, 9]

    def test_an_output_that_is_asked_for_in_binary_comes_so(self, served: Served) -> None:
        outputs: list[JsonValue] = [{"name": "y", "parameters": IN_BINARY}]
        assert served.infer(served.doubling, {**TWO_ROWS, "outputs": outputs}).elements() == floats(2, 4, 6, 9)

    def test_all_outputs_come_in_binary_where_the_request_says_so(self, served: Served) -> None:
        parameters: dict[str, JsonValue] = {"binary_data_output": True}
        assert served.infer(served.doubling, {**TWO_ROWS, "parameters": parameters}).elements() == floats(2, 4, 6, 9)

    def test_one_output_in_binary_leaves_the_other_in_json(self, served: Served) -> None:
        outputs: list[JsonValue] = [{"name": "length", "parameters": IN_BINARY}, {"name": "together"}]
        told = served.infer(served.moody, asked("text", "BYTES", 1, ["four"], outputs=outputs))
        by_name = {output["name"]: output for output in told.outputs()}
        assert (told.raw, by_name["together"]["data"]) == (floats(4), [1])

    def test_binary_texts_are_taken(self, served: Served) -> None:
        raw = texts("Zürich", "", "four")
        told = served.infer(served.moody, asked_in_binary("text", "BYTES", 3, raw, outputs=[{"name": "length"}]), raw)
        assert told.part("outputs", 0, "data") == [6, 0, 4]

    def test_texts_come_in_binary_where_they_are_asked_for(self, served: Served) -> None:
        words = ["Zürich\n", ""]
        outputs: list[JsonValue] = [{"name": "same_bytes", "parameters": IN_BINARY}]
        told = served.infer(served.echo, {**to_echo({"bytes": words}).document(), "outputs": outputs})
        assert list(texts_of(told.raw)) == words


class MalformedClaims:
    """Requests that are wrong in every way we know."""

    @pytest.fixture
    def url(self, served: Served) -> str:
        """Where requests go."""
        return f"{served.rest}{served.path(served.doubling, 'infer')}"

    @pytest.mark.parametrize("malformed", MALFORMED, ids=lambda each: each.name)
    def test_a_malformed_request_gets_what_it_deserves(self, url: str, malformed: Malformed) -> None:
        reply = sent(url, malformed)
        assert deserved(malformed, reply), (reply.status, reply.body[:500])

    @pytest.mark.parametrize("malformed", MALFORMED, ids=lambda each: each.name)
    def test_a_malformed_request_harms_nothing(self, url: str, malformed: Malformed) -> None:
        sent(url, malformed)
        assert sent(url, Malformed(name="good", body=GOOD)).status == 200
