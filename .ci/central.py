"""Checks a Maven repository of files against the rules of Maven Central.

Every POM has, itself or from its parent, name, description, URL, license, developers and source
control; no version is a snapshot. A jar has its sources, its Javadoc and a bill of materials. Every
file has right checksums and, with --signed, a signature that gpg accepts. The BOM names only
artifacts that the repository has.

    central.py REPOSITORY VERSION [--signed]
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile

POM = "{http://maven.apache.org/POM/4.0.0}"
REQUIRED = (
    "name", "description", "url", "licenses/license/name", "licenses/license/url", "developers/developer/name",
    "scm/connection", "scm/developerConnection", "scm/url")
INHERITED = ("url", "licenses", "developers", "scm")
CHECKSUMS = {".md5": hashlib.md5, ".sha1": hashlib.sha1}
PLATFORMS = (
    "linux-aarch64", "linux-musl-aarch64", "linux-musl-x86_64", "linux-x86_64", "macos-aarch64", "macos-x86_64",
    "windows-aarch64", "windows-x86_64")


class Repository:
    """The artifacts of one version, and what is wrong with them."""

    def __init__(self, root, version):
        self.group = root / "dev" / "vidrio"
        self.version = version
        self.poms = {path.parent.parent.name: ElementTree.parse(path).getroot()
                     for path in sorted(self.group.glob(f"*/{version}/*.pom"))}
        self.findings = []

    def report(self, artifact, finding):
        self.findings.append(f"{artifact}: {finding}")

    def file(self, artifact, suffix):
        return self.group / artifact / self.version / f"{artifact}-{self.version}{suffix}"

    def value(self, artifact, path):
        """Returns the text of an element of a POM or, if it may be inherited, of its parent."""
        pom = self.poms[artifact]
        value = pom.findtext("/".join(POM + part for part in path.split("/")), "").strip()
        parent = pom.findtext(f"{POM}parent/{POM}artifactId")
        if not value and parent in self.poms and path.split("/")[0] in INHERITED:
            return self.value(parent, path)
        return value

    def check_pom(self, artifact):
        pom = self.poms[artifact]
        for path in REQUIRED:
            if not self.value(artifact, path):
                self.report(artifact, f"the POM has no {path}")
        for version in pom.iter(f"{POM}version"):
            if "SNAPSHOT" in (version.text or ""):
                self.report(artifact, f"the version {version.text} is a snapshot")
        for element in ("repositories", "pluginRepositories"):
            if pom.find(POM + element) is not None:
                self.report(artifact, f"the POM has {element}")

    def check_jars(self, artifact):
        if self.poms[artifact].findtext(f"{POM}packaging", "jar") != "jar":
            return
        for suffix in (".jar", "-sources.jar", "-javadoc.jar"):
            jar = self.file(artifact, suffix)
            if not jar.exists():
                self.report(artifact, f"{jar.name} is missing")
            elif not [name for name in zipfile.ZipFile(jar).namelist() if not name.startswith("META-INF/MANIFEST")]:
                self.report(artifact, f"{jar.name} is empty")
        materials = self.file(artifact, "-cyclonedx.json")
        if not materials.exists():
            self.report(artifact, f"{materials.name} is missing")
        elif json.loads(materials.read_text())["metadata"]["component"]["version"] != self.version:
            self.report(artifact, f"{materials.name} describes another version")

    def check_files(self, artifact, signed):
        for path in sorted((self.group / artifact / self.version).iterdir()):
            if path.suffix in CHECKSUMS or path.suffix == ".asc":
                continue
            for suffix, digest in CHECKSUMS.items():
                checksum = path.with_name(path.name + suffix)
                if not checksum.exists() or checksum.read_text().strip() != digest(path.read_bytes()).hexdigest():
                    self.report(artifact, f"{checksum.name} is missing or wrong")
            signature = path.with_name(path.name + ".asc")
            if signed and not verifies(signature, path):
                self.report(artifact, f"{signature.name} is missing or wrong")

    def check_bom(self):
        for dependency in self.poms["vidrio-bom"].iter(f"{POM}dependency"):
            artifact = dependency.findtext(f"{POM}artifactId")
            classifier = dependency.findtext(f"{POM}classifier")
            if artifact not in self.poms:
                self.report("vidrio-bom", f"{artifact} is not published")
            elif classifier and self.has_all_platforms() and not self.file(artifact, f"-{classifier}.jar").exists():
                self.report("vidrio-bom", f"{artifact} has no jar {classifier}")

    def has_all_platforms(self):
        """Returns whether libraries of more than this machine"s platform were built."""
        return sum(self.file("vidrio-native", f"-{platform}.jar").exists() for platform in PLATFORMS) > 1


def verifies(signature, path):
    command = ["gpg", "--batch", "--quiet", "--verify", str(signature), str(path)]
    return signature.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=pathlib.Path)
    parser.add_argument("version")
    parser.add_argument("--signed", action="store_true")
    arguments = parser.parse_args()
    repository = Repository(arguments.repository, arguments.version)
    if not repository.poms:
        sys.exit(f"{arguments.repository}: no artifacts of version {arguments.version}")
    for artifact in repository.poms:
        repository.check_pom(artifact)
        repository.check_jars(artifact)
        repository.check_files(artifact, arguments.signed)
    repository.check_bom()
    if repository.findings:
        sys.exit("\n".join(repository.findings))
    print(f"{len(repository.poms)} artifacts follow Maven Central's rules" + (", signed" if arguments.signed else ""))


if __name__ == "__main__":
    main()
