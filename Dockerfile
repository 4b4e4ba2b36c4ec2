# "make docker-build" puts the static binary into the build context. The base has the CA certificates for a MAAS whose
# certificate a public authority signed, a user that is not root, and nothing else.
FROM gcr.io/distroless/static-debian12:nonroot
COPY manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]
