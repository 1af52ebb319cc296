#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sbom.py PROGRAM: prints what the program is made of as SPDX 2.3 in JSON: the packages of its shared libraries,
with their versions as they were when it was packed. The same program and the same packages give the same bytes."""

import hashlib
import json
import os
import pathlib
import re
import sys
import time
import urllib.parse
import uuid

import linked

RELEASE = "/usr/lib/os-release"


def release():
    pairs = (line.split("=", 1) for line in pathlib.Path(RELEASE).read_text().splitlines() if "=" in line)
    return {key: value.strip('"') for key, value in pairs}


def version(program):
    return linked.run(program, "version").split("\n")[0].split()[1]


def made_at():
    return int(os.environ.get("SOURCE_DATE_EPOCH") or linked.run(pathlib.Path(__file__).with_name("epoch")))


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def of_modgate(program):
    return {
        "SPDXID": "SPDXRef-modgate",
        "name": "modgate",
        "versionInfo": version(program),
        "primaryPackagePurpose": "APPLICATION",
        "packageFileName": "usr/bin/modgate",
        "checksums": [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(program.read_bytes()).hexdigest()}],
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "supplier": "NOASSERTION",
    }


def identifier(package):
    return "SPDXRef-deb-" + re.sub(r"[^A-Za-z0-9.-]", "-", package.name)


def of_package(package, system):
    where = urllib.parse.urlencode({"arch": package.architecture, "distro": f"{system['ID']}-{system.get('VERSION_ID', 'unstable')}"})
    name, number = (urllib.parse.quote(text, safe="") for text in (package.name, package.version))
    return {
        "SPDXID": identifier(package),
        "name": package.name,
        "versionInfo": package.version,
        "primaryPackagePurpose": "LIBRARY",
        "sourceInfo": f"built from the source package {package.source} {package.source_version}",
        "summary": package.summary,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "supplier": "Organization: " + system.get("NAME", system["ID"]),
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": f"pkg:deb/{system['ID']}/{name}@{number}?{where}",
        }],
    }


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def document(program, image=None, more=()):
    """image: the name of the image that holds the program, the libraries, and the packages named in `more`."""
    found = linked.libraries(program)
    system, packages = release(), linked.packages([library.package for library in found] + list(more))
    direct = {library.package for library in found if library.direct}
    described = [of_modgate(program)] + [of_package(p, system) for p in packages]
    relations = []
    for p in packages:
        if p.name not in more:
            relations.append(relation("SPDXRef-modgate", "DYNAMIC_LINK" if p.name in direct else "DEPENDS_ON", identifier(p)))
    top = "SPDXRef-modgate"
    if image:
        top = "SPDXRef-image"
        relations += [relation(top, "CONTAINS", d["SPDXID"]) for d in described]
        described.insert(0, {**of_modgate(program), "SPDXID": top, "name": image, "primaryPackagePurpose": "CONTAINER",
                             "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION"})
        for key in ("packageFileName", "checksums"):
            del described[0][key]
    relations.insert(0, relation("SPDXRef-DOCUMENT", "DESCRIBES", top))
    name = f"{image or 'modgate'}-{version(program)}"
    content = json.dumps([described, relations], sort_keys=True)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        # Unlike that of any other content, and the same for this one.
        "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, name + content)}",
        "creationInfo": {"created": timestamp(made_at()), "creators": ["Tool: modgate-tools-packages-sbom"]},
        "packages": described,
        "relationships": relations,
    }


def text(document):
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(document(pathlib.Path(sys.argv[1]).resolve())))
