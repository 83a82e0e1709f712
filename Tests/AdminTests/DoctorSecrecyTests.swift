import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("The doctor looks at what is secret", .tags(.ownServer))
struct DoctorSecrecyTests {
    private func found(_ engine: Engine) async -> [Doctor.Finding] {
        await Doctor(engine: engine).examine().findings.filter { $0.check == "tls" }
    }

    @Test("a private key that others can read is said, with its mode")
    func keys() async throws {
        let certificates = try await Certificates.make()
        let file = "\(certificates.folder)/server"
        let files = "\n  tls: {certificate: \(file).crt, key: \(file).key}"
        try await withAdmin(AdminScene.tokens + files) { scene in
            for (mode, said) in [(0o644, "every user"), (0o620, "its group"), (0o600, nil), (0o640, nil)] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: "\(file).key")
                let findings = await found(scene.engine)
                guard let said else {
                    #expect(findings.isEmpty)
                    continue
                }
                #expect(findings.count == 1 && findings[0].state == .warning)
                #expect(findings[0].message.contains(said) && findings[0].message.contains(String(mode, radix: 8)))
            }
        }
    }

    @Test("a server whose certificate is not looked at is said")
    func verification() async throws {
        try await withAdmin { scene in
            #expect(await found(scene.engine).isEmpty)
            var configuration = scene.engine.configuration
            configuration.redis.tls = RedisConfiguration.TLS()
            configuration.redis.tls?.verification = .none
            let engine = Engine(configuration: configuration, redis: scene.engine.redis, logger: scene.engine.logger)
            #expect(await found(engine).first?.message.contains("is not verified") == true)
        }
    }
}
