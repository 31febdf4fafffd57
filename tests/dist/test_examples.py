"""The Helm chart and the manifests of examples/kubernetes, and the files of examples/compose, by those who read them."""

import compose_spec
import helm_python as helm
import kubernetes_validate
import pytest
import yaml
from systems import ROOT

KUBERNETES = ROOT / "examples/kubernetes"
CHART = KUBERNETES / "chart"
COMPOSE = sorted((ROOT / "examples/compose").glob("*.yaml")) + [ROOT / "examples/cluster/compose.yaml"]
VERSION = "1.37"
# Their schemas are on no registry that this can ask: of these only the form is looked at.
OTHERS = ("gateway.networking.k8s.io/", "gateway.envoyproxy.io/")


def rendered(values: dict, release: str = "bmauth") -> list[dict]:
    with helm.Chart.load(str(CHART)) as chart:
        texts = chart.render(values, name=release, namespace="bmauth").values()
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def is_taken(document: dict) -> None:
    if document["apiVersion"].startswith(OTHERS):
        assert document["kind"] and document["metadata"]["name"] and document["spec"]
    else:
        kubernetes_validate.validate(document, VERSION, strict=True)


def of(documents: list[dict], kind: str) -> dict:
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


@pytest.mark.parametrize("file", sorted(KUBERNETES.glob("*.yaml")), ids=lambda file: file.name)
def test_each_manifest_is_one_that_kubernetes_takes(file):
    documents = [document for document in yaml.safe_load_all(file.read_text()) if document]
    assert documents
    for document in documents:
        is_taken(document)


def test_helm_finds_nothing_wrong_with_the_chart():
    said = helm.lint(str(CHART))
    assert not said["errors"]
    assert [message["error"] for message in said["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"ingress": {"enabled": True, "annotations": {"a": "b"}}, "httpRoute": {"enabled": True}},
        {"persistence": {"existingClaim": "accounts"}, "networkPolicy": {"enabled": False}, "podAnnotations": {"a": "b"}},
        {"persistence": {"storageClass": "fast"}, "nodeSelector": {"a": "b"}, "imagePullSecrets": [{"name": "pull"}]},
    ],
    ids=["defaults", "in front", "without", "with more"],
)
def test_what_the_chart_makes_is_what_kubernetes_takes(values):
    documents = rendered(values, release="notes")
    for document in documents:
        is_taken(document)
        assert document["metadata"]["name"].startswith("notes-bmauth")


def test_the_chart_runs_the_gateway_as_the_manifests_do():
    plain = [document for document in yaml.safe_load_all((KUBERNETES / "bmauth.yaml").read_text())]
    by_hand, by_chart = (of(documents, "Deployment")["spec"] for documents in (plain, rendered({})))
    assert (by_hand["replicas"], by_hand["strategy"]) == (by_chart["replicas"], by_chart["strategy"])
    hand, chart = by_hand["template"]["spec"], by_chart["template"]["spec"]
    for key in ("securityContext", "automountServiceAccountToken", "enableServiceLinks", "terminationGracePeriodSeconds"):
        assert hand[key] == chart[key], key
    for key in ("image", "command", "ports", "readinessProbe", "livenessProbe", "securityContext", "resources", "volumeMounts"):
        assert hand["containers"][0][key] == chart["containers"][0][key], key


def test_nothing_in_front_passes_the_question_of_proxies_on():
    documents = rendered({"ingress": {"enabled": True}, "httpRoute": {"enabled": True}})
    (rule,) = of(documents, "Ingress")["spec"]["rules"]
    first = rule["http"]["paths"][0]
    assert (first["path"], first["backend"]["service"]["name"]) == ("/_bmauth/forward-auth", "bmauth-nobody")
    first = of(documents, "HTTPRoute")["spec"]["rules"][0]
    assert first["matches"][0]["path"]["value"] == "/_bmauth/forward-auth"
    assert first["backendRefs"][0]["name"] == "bmauth-nobody"
    (service,) = [document for document in documents if document["metadata"]["name"] == "bmauth-nobody"]
    assert "selector" not in service["spec"]


def test_a_new_configuration_starts_the_gateway_anew():
    def mark(values):
        return of(rendered(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert mark({}) == mark({}) != mark({"config": 'public_url = "https://other.example.com"'})


def test_a_value_that_is_spelt_wrong_is_refused():
    for values in ({"confg": "x"}, {"ingress": {"enable": True}}, {"networkPolicy": {"proxyNamespaces": []}}):
        with pytest.raises(helm.HelmError):
            rendered(values)


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_each_compose_file_is_one(file):
    # Merge keys (`<<`) are YAML's, and resolved before.
    said = compose_spec.PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(file.read_text())))
    assert said.service_names()


@pytest.mark.parametrize("name", ["compose", "nginx", "caddy", "traefik"])
def test_in_compose_the_app_is_reached_through_the_gateway_alone(name):
    said = yaml.safe_load((ROOT / f"examples/compose/{name}.yaml").read_text())
    app = said["services"]["app"]
    assert app["networks"] == ["inside"] and said["networks"]["inside"]["internal"] and "ports" not in app
    open_ports = [port for service in said["services"].values() for port in service.get("ports", [])]
    assert open_ports and all(port.startswith("127.0.0.1:") for port in open_ports)
    if name != "compose":
        assert sorted(key for key, service in said["services"].items() if "front" in service["networks"]) == ["bmauth", "front"]
        (subnet,) = [network["subnet"] for network in said["networks"]["front"]["ipam"]["config"]]
        assert said["services"]["bmauth"]["environment"]["BMAUTH__SERVER__TRUSTED_PROXIES"] == f'["{subnet}"]'
        assert "ports" not in said["services"]["bmauth"]
