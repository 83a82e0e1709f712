import Foundation
import TestNeeds
import TestSupport
import Testing

/// What the scripts of this project install.
@Suite("setup", .tags(.ownServer))
struct SetupTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Runs a script after `Deploy/setup.sh`, with a policy's file and an `apt-get` of its own in a folder.
    private func script(_ text: String, apt: String, folder: String) async throws -> CInt {
        let program = "\(folder)/apt-get"
        try "#!/bin/sh\n\(apt)\n".write(toFile: program, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let script = """
            cd "$1"; folder=$2; source Deploy/setup.sh
            policy_file=$folder/policy-rc.d; PATH=$folder:$PATH
            sudo() { "$@"; }
            \(text)
            """
        return try await ChildProcess(
            ["bash", "-c", script, "bash", Self.root, folder], output: "\(folder)/log"
        ).wait()
    }

    @Test("an installation that is killed leaves no service forbidden: the next start puts back what was there")
    func killed() async throws {
        try await withFolder { folder in
            let policy = "\(folder)/policy-rc.d"
            let own = "#!/bin/sh\nexit 7\n"
            try own.write(toFile: policy, atomically: true, encoding: .utf8)
            #expect(try await script("missing=(x); install_missing", apt: "kill -9 $PPID", folder: folder) != 0)
            #expect(try String(contentsOfFile: policy, encoding: .utf8).contains("exit 101"))
            #expect(try await script("install_missing", apt: "exit 9", folder: folder) == 0)
            #expect(try String(contentsOfFile: policy, encoding: .utf8) == own)
            #expect(!FileManager.default.fileExists(atPath: "\(policy).before-curfew"))
            try FileManager.default.removeItem(atPath: policy)
            #expect(try await script("missing=(x); install_missing", apt: "kill -9 $PPID", folder: folder) != 0)
            #expect(try await script("missing=(x); install_missing", apt: "exit 0", folder: folder) == 0)
            #expect(!FileManager.default.fileExists(atPath: policy))
        }
    }

    @Test(
        "Python packages are installed by their hashes",
        arguments: ["Deploy/setup.sh", "Tests/Outside/run", "Bench/prepare.sh"])
    func hashes(file: String) throws {
        let text = try String(contentsOfFile: "\(Self.root)/\(file)", encoding: .utf8)
            .replacing("\\\n", with: " ")
        for line in text.split(separator: "\n") where line.contains(#/pip"? .*install/#) && !line.hasPrefix("#") {
            #expect(line.contains("--require-hashes"), "\(line)")
        }
        for match in text.matches(of: /[A-Za-z\/]+\/[a-z\-]+\.txt/) {
            let list = try String(contentsOfFile: "\(Self.root)/\(match.output)", encoding: .utf8)
            #expect(list.contains("--hash=sha256:"), "\(match.output)")
        }
    }
}
