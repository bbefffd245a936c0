/* SPDX-License-Identifier: BSD-2-Clause */
/* Places in the configuration space that more than pci.c needs. */
#ifndef NVT_CONTROLLER_PCI_INT_H
#define NVT_CONTROLLER_PCI_INT_H

#define PCI_COMMAND 0x04
#define PCI_COMMAND_NO_INTX 0x0400u
#define PCI_STATUS 0x06
#define PCI_STATUS_INTERRUPT 0x08u
#define PCI_MSIX 0x50 /* the MSI-X capability */
#define PCI_MSIX_ENABLE 0x8000u
#define PCI_MSIX_MASK_ALL 0x4000u

/* Vendor and device: 4E56h ("NV") is on nobody's list of assigned vendor ids; guests
 * bind their driver by the class code 010802h, so no real product's id is borrowed. */
#define PCI_VENDOR 0x4e56
#define PCI_DEVICE 0x0001

#endif
