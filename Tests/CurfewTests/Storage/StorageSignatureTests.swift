import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Signatures against the examples that AWS publishes with Signature Version 4 for S3.
@Suite("storage: signatures", .tags(.pure))
struct StorageSignatureTests {
    static let signature = S3Signature(
        accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        sessionToken: nil, region: "us-east-1")
    /// 2013-05-24T00:00:00Z.
    static let time = Timestamp(milliseconds: 1_369_353_600_000)

    struct Example: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let request: S3Request
        let names: String
        let signature: String
    }

    static let examples = [
        Example(
            testDescription: "GET of an object, with a range",
            request: S3Request(method: "GET", path: "/test.txt", headers: [("range", "bytes=0-9")]),
            names: "host;range;x-amz-content-sha256;x-amz-date",
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        Example(
            testDescription: "PUT of an object, with a name that is encoded and headers of its own",
            request: S3Request(
                method: "PUT", path: "/" + PercentEncoding.encoded("test$file.text", keeping: "/"),
                headers: [
                    ("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ], body: Array("Welcome to Amazon S3.".utf8)),
            names: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        Example(
            testDescription: "GET of a bucket's lifecycle, a query without a value",
            request: S3Request(method: "GET", path: "/", query: [("lifecycle", "")]),
            names: "host;x-amz-content-sha256;x-amz-date",
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        Example(
            testDescription: "GET of a list, with a query",
            request: S3Request(method: "GET", path: "/", query: [("prefix", "J"), ("max-keys", "2")]),
            names: "host;x-amz-content-sha256;x-amz-date",
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ]

    @Test("the signatures that AWS publishes", arguments: examples)
    func published(example: Example) throws {
        var request = example.request
        Self.signature.sign(&request, host: "examplebucket.s3.amazonaws.com", at: Self.time)
        let value = try #require(request.headers.first { $0.name == "authorization" }?.value)
        #expect(
            value == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                + "SignedHeaders=\(example.names),Signature=\(example.signature)")
    }

    @Test("a session token is sent, and signed")
    func token() throws {
        let signature = S3Signature(
            accessKey: "AKIA", secretKey: Secret("secret"), sessionToken: Secret("token"), region: "auto")
        var request = S3Request(method: "GET", path: "/bucket")
        signature.sign(&request, host: "localhost", at: Self.time)
        #expect(request.headers.contains { $0.name == "x-amz-security-token" && $0.value == "token" })
        let value = try #require(request.headers.first { $0.name == "authorization" }?.value)
        #expect(value.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"))
        #expect(value.contains("/20130524/auto/s3/aws4_request,"))
    }

    @Test("the body is hashed, an empty one too")
    func hashes() {
        #expect(S3Signature.hash([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(S3Signature.contentMD5(Array("abc".utf8)) == "kAFQmDzST7DWlj99KOF/cg==")
    }

    @Test(
        "endpoints: what is sent to, and the region that is meant",
        arguments: [
            ("https://s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "", "eu-west-1"),
            ("https://s3.amazonaws.com/", "s3.amazonaws.com", "", "us-east-1"),
            ("https://id.r2.example:443", "id.r2.example", "", "auto"),
            ("HTTP://127.0.0.1:9000", "127.0.0.1:9000", "", "auto"),
            ("http://[::1]:9000/base/", "[::1]:9000", "/base", "auto"),
            ("http://host:80", "host", "", "auto"),
        ])
    func endpoints(text: String, authority: String, path: String, region: String) throws {
        let endpoint = try #require(StorageEndpoint(text))
        #expect(endpoint.authority == authority && endpoint.path == path && endpoint.region == region)
    }

    @Test(
        "what is no endpoint",
        arguments: [
            "", "host", "ftp://host", "https://", "http://host:0", "http://host:x", "http://user@host",
            "http://host?x", "http://host/#x", "http://ho st", "http://:9000", "http://host/a%2Fb",
        ])
    func noEndpoints(text: String) {
        #expect(StorageEndpoint(text) == nil)
    }

    @Test("the bucket is in the path, or in the host name")
    func styles() throws {
        let endpoint = try #require(StorageEndpoint("https://s3.example"))
        var configuration = StorageConfiguration(
            name: "n", endpoint: endpoint, bucket: "b", accessKey: "a", secretKey: Secret("s"))
        #expect(configuration.authority == "s3.example" && configuration.path == "/b")
        configuration.style = .virtualHost
        #expect(configuration.authority == "b.s3.example" && configuration.path == "")
    }
}
