// The files of a first start: complete, safe, empty, with examples to uncomment.

export function configuration(recorderId: string): string {
  return `# Conduit Recorder. Every key with its default: docs/configuration.md
# Relative paths are relative to this file. Check after a change: conduit doctor
recorder:
  # In every recording; never change it once there are recordings.
  id: ${recorderId}
  dataDirectory: .

# ssh:
#   listen: 0.0.0.0:2222
#   banner: "Sessions are recorded.\\n"

# For VNC viewers. The certificate was made at the first start; people compare its fingerprint (conduit doctor shows it).
# vnc:
#   listen: 0.0.0.0:5910
#   tls:
#     certificate: tls/fullchain.pem
#     key: tls/key.pem

# The portal is plain HTTP for this machine only, until it has a certificate (or a TLS proxy in front, see trustProxy).
# http:
#   listen: 0.0.0.0:8443
#   publicUrl: https://recorder.example:8443
#   tls:
#     certificate: tls/fullchain.pem
#     key: tls/key.pem

# Recordings go to files below this directory, or to an S3 bucket.
# store:
#   kind: s3
#   endpoint: https://s3.example
#   region: us-east-1
#   bucket: conduit-recordings
#   accessKeyIdFile: s3-access-key-id
#   secretAccessKeyFile: s3-secret-access-key

# New sessions are refused when the spool's disk has less than this free.
# spool:
#   floorBytes: 1 GiB

# Typed passwords are kept out of recordings; with an age public key they are sealed to it instead of dropped.
# recording:
#   sealRecipients: [age1…]

# With age public keys here, recordings are encrypted to them (and to the service itself). Give two or more.
# encryption:
#   recipients: [age1…, age1…]
`;
}

export const targets = `# The machines that can be reached. Reloaded on change; conduit target list shows what is in force.
# conduit target add and conduit target scan write here and keep comments.
version: 1
targets: []
#  - name: plc-reactor-01
#    conduit: reactor
#    protocol: ssh
#    host: 10.0.7.20
#    port: 22
#    account: engineer          # on the target; people never see its credential
#    secret: plc-reactor-01     # conduit secret set plc-reactor-01
#    hostKeys:                  # conduit target scan plc-reactor-01 --pin
#      - ssh-ed25519 AAAA…
#    tags: [plc, unit-7]
#    failureMode: strict        # best_effort where a cut is the greater hazard
#  - name: hmi-reactor-01
#    conduit: reactor
#    protocol: vnc
#    host: 10.0.7.30
#    port: 5900
#    secret: hmi-reactor-01     # its password; left out where the target asks for none
#    vnc:
#      tls:
#        fingerprints:          # conduit target scan hmi-reactor-01 --pin
#          - SHA256:AAAA…
#      maskKeys: true           # printable keys stay out of the recording
#    tags: [hmi, unit-7]
`;

export const conduits = `# The conduits of IEC 62443 that targets belong to: ways from one zone to another. Reloaded on change.
version: 1
conduits:
#  - id: reactor
#    description: Vendors to the reactor section
#    sourceZone: vendor-dmz
#    destinationZone: unit-7
`;

export const policy = `# Who may reach what, when, whether it is recorded, and when it ends. Every key is explained in docs/policy.md.
# The first rule that matches wins; without one, the answer is no. Reloaded on change; an invalid change is refused and the
# policy in force stays. After a change: conduit policy check, and conduit policy test where there are cases.
version: 1

# No rule, no approval and no emergency opens these.
prohibitedTargets: ["SIS-*", "SAFETY-*"]

# SSH and VNC alone are passed on. These stay shut whatever a rule says.
blockedProtocols: [telnet, ftp, tftp, smb, rlogin, rsh, http]

signIn:
  mfa: required                # a second factor for everybody

# Files are held until they were scanned. Or: allow, deny
fileTransfer: scan_required

limits:
  maxSessionSeconds: 4h
  idleSeconds: 15m             # without the person's input, whatever the target prints
  warnSeconds: [600, 300, 60]  # how long before the end the person is told
  maxRecordedBytes: 16 GiB

# A session ends with its request's window.
requests:
  noticeSeconds: 24h           # between asking and the window's beginning
  maxWindowSeconds: 24h
  maxAheadSeconds: 90d
  approvals: 1                 # how many have to agree; conduits may ask for more
  approvers: ["role:approver"]
  approverMayEscort: true      # false: who approved a request never escorts its sessions
#  ticketPattern: 'CHG-[0-9]{6}'

# In an emergency these people get in without approval, with a second factor and a reason: loudly, recorded, reviewed.
breakGlass:
  people: []
  maxSeconds: 1h
  reviewWithinSeconds: 72h

# Days that recordings are kept; the longest that matches.
retentionDays: 90
# retention:
#   - { targets: ["tag:plc"], days: 365 }

# Rules name them as group:NAME.
# groups:
#   turbine-service: [erika, "oem-*"]

# What is typed and shown is watched for these (RE2 syntax). Actions: alert, freeze, terminate
# patterns:
#   - { id: firmware-erase, in: input, match: 'erase\\s+(flash|firmware)', action: freeze, message: Call the shift leader. }

rules:
# What a rule does not say is safe: an approved request (approval: true), a second factor (mfa: true), an escort for vendors
# (escort: vendors; or always, never), recorded in full, the clipboard and forwards off.
#  - id: vendors-reactor
#    people: ["role:vendor"]
#    targets: ["conduit:reactor"]
#    protocols: [ssh, vnc]                        # left out: all
#    capabilities: [shell, sftp, screen]          # the default; screen opens VNC; exec runs single commands, unscanned
#    hours: { days: [mon, tue, wed, thu, fri], from: "06:00", to: "18:00", timeZone: Europe/Berlin }
#    reason: Maintenance contract 2026
`;
